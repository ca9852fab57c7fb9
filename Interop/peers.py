# SPDX-License-Identifier: Apache-2.0
"""The Python peers, whichever generation is installed: one set of names over both module layouts.

Generation 1.0.0 carries its plugin framework inside the gateway package, generation 1.0.7 takes it from `cpex`. The
wire messages are the same under another protobuf package.
"""

import os

# The peers read these when they are imported; nothing of the caller's environment may reach them.
for _name in [name for name in os.environ if name.startswith(("PLUGINS_", "UNIX_SOCKET_PATH"))]:
    del os.environ[_name]
os.environ["PLUGINS_SSRF_PROTECTION_ENABLED"] = "false"

import logging  # noqa: E402
from importlib import import_module, util  # noqa: E402

# The import would print a page of warnings about the gateway's demo secrets.
logging.disable(logging.CRITICAL)

if util.find_spec("cpex") is not None:
    GENERATION = "1.0.7"
    FRAMEWORK = "cpex.framework"
    PACKAGE = "cpex"
    OTHER_PACKAGE = "mcpgateway.plugins"
else:
    GENERATION = "1.0.0"
    FRAMEWORK = "mcpgateway.plugins.framework"
    PACKAGE = "mcpgateway.plugins"
    OTHER_PACKAGE = "cpex"


def framework(module: str = ""):
    """Imports a module of the plugin framework by its path below the framework's root."""
    return import_module(f"{FRAMEWORK}.{module}" if module else FRAMEWORK)


_models = framework("models")
PluginConfig = _models.PluginConfig
GRPCClientConfig = _models.GRPCClientConfig
GRPCServerConfig = _models.GRPCServerConfig
MCPClientConfig = _models.MCPClientConfig
UnixSocketClientConfig = _models.UnixSocketClientConfig
GlobalContext = _models.GlobalContext
PluginContext = _models.PluginContext
PluginErrorModel = _models.PluginErrorModel
PluginMode = _models.PluginMode
PluginPayload = _models.PluginPayload
PluginResult = _models.PluginResult
PluginViolation = _models.PluginViolation

Plugin = framework("base").Plugin
PluginManager = framework("manager").PluginManager

_errors = framework("errors")
PluginError = _errors.PluginError
PluginViolationError = _errors.PluginViolationError

get_hook_registry = framework("hooks.registry").get_hook_registry
for _module in ("tools", "prompts", "resources", "agents", "http"):
    framework(f"hooks.{_module}")

MCPExternalPlugin = framework("external.mcp.client").ExternalPlugin
GrpcExternalPlugin = framework("external.grpc.client").GrpcExternalPlugin
UnixSocketExternalPlugin = framework("external.unix.client").UnixSocketExternalPlugin
_proto = framework("external.grpc.proto")
pb2 = _proto.plugin_service_pb2
pb2_grpc = _proto.plugin_service_pb2_grpc

#: The modes as this generation's configuration model names them.
ENFORCE = PluginMode("enforce" if GENERATION == "1.0.0" else "sequential")
PERMISSIVE = PluginMode("permissive" if GENERATION == "1.0.0" else "transform")


def payload_for(hook: str, fields: dict):
    """The payload object of a hook, validated as the peers validate what they receive."""
    return get_hook_registry().get_payload_type(hook).model_validate(fields)


def context(**fields) -> PluginContext:
    """A plugin context; `state` and `metadata` are the plugin's own, all other fields belong to the request."""
    own = {name: fields.pop(name) for name in ("state", "metadata") if name in fields}
    fields.setdefault("request_id", "request-1")
    renamed = {"global_state": "state", "global_metadata": "metadata"}
    return PluginContext(global_context=GlobalContext(**{renamed.get(k, k): v for k, v in fields.items()}), **own)


class Review(PluginPayload):
    """The payload, and the result's payload, of the custom hook `document_review`."""

    title: str
    score: int = 0


CUSTOM_HOOK = "document_review"
#: Registered with the clients alone: every server must refuse it.
UNKNOWN_HOOK = "hook_of_nobody"
for _hook in (CUSTOM_HOOK, UNKNOWN_HOOK):
    get_hook_registry().register_hook(_hook, Review, PluginResult[Review])

logging.disable(logging.NOTSET)
