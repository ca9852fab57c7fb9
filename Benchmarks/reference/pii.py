# SPDX-License-Identifier: Apache-2.0
"""A PII filter of the reference, alone, in this process; prints the microseconds of a call, the median over batches of ten, as JSON.

Usage: pii.py rust|rust-hook|FILE PAYLOAD SECONDS

`rust` is the core of PyPI's cpex-pii-filter on the arguments alone, `rust-hook` the plugin around it; FILE is the source of the
Python plugin, which ContextForge has in its repository (plugins/pii_filter/pii_filter.py up to 1.0.0-RC1) and not in its package.
"""

import asyncio
import importlib.util
import json
import logging
import os
import statistics
import sys
import time

os.environ["PLUGINS_SSRF_PROTECTION_ENABLED"] = "false"
os.environ["LOG_LEVEL"] = "CRITICAL"
logging.disable(logging.CRITICAL)
CONFIG = {"log_detections": False}


def core(payload: dict):
    from cpex_pii_filter import PIIDetectorRust

    detector = PIIDetectorRust(CONFIG)
    arguments = payload["args"]

    async def call():
        return detector.process_nested(arguments, "args")[0]

    return call


def hook(framework: str, plugin_class, payload: dict):
    from importlib import import_module

    models = import_module(f"{framework}.models")
    tools = import_module(f"{framework}.hooks.tools")
    plugin = plugin_class(
        models.PluginConfig(name="PII", kind="x", hooks=["tool_pre_invoke"], config=CONFIG)
    )
    request = models.GlobalContext(request_id="1")

    async def call():
        given = tools.ToolPreInvokePayload(name=payload["name"], args=payload["args"])
        result = await plugin.tool_pre_invoke(given, models.PluginContext(global_context=request))
        return result.modified_payload is not None

    return call


def make(variant: str, payload: dict):
    if variant == "rust":
        return core(payload)
    if variant == "rust-hook":
        from cpex_pii_filter import PIIFilterPlugin

        return hook("cpex.framework", PIIFilterPlugin, payload)
    spec = importlib.util.spec_from_file_location("pii_filter", variant)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return hook("mcpgateway.plugins.framework", module.PIIFilterPlugin, payload)


async def main() -> None:
    variant, text, seconds = sys.argv[1:]
    call = make(variant, json.loads(text))
    changes = await call()
    batches = []
    end = time.perf_counter() + float(seconds)
    while len(batches) < 10 or time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(10):
            await call()
        batches.append((time.perf_counter() - begin) / 10)
    print(json.dumps({"us": statistics.median(batches) * 1e6, "changes": changes}))


asyncio.run(main())
