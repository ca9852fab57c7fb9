# SPDX-License-Identifier: Apache-2.0
"""Starts the installed generation's own MCP plugin server with the suite's plugins, over HTTP on a Unix socket or stdio.

The server is the stock one; only the names of the plugins' classes are completed, and their time limit is taken from the
configuration, which the server reads and ignores.
"""

import argparse
import asyncio
import os
import sys
import tempfile

import yaml

import peers


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", "--config", required=True)
    parser.add_argument("--uds", help="serve HTTP there; without it stdio is served")
    arguments = parser.parse_args()
    with open(arguments.config, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    for entry in config["plugins"]:
        entry["kind"] = f"reference_plugins.{entry['kind']}"
    config.pop("grpc_server_settings", None)
    if arguments.uds:
        config["server_settings"] = {"uds": arguments.uds}
    with tempfile.TemporaryDirectory(prefix="gh-reference-") as folder:
        path = os.path.join(folder, "plugins.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, allow_unicode=True)
        os.environ["PLUGINS_CONFIG_PATH"] = path
        os.environ["PLUGINS_TRANSPORT"] = "http" if arguments.uds else "stdio"
        runtime = peers.framework("external.mcp.server.runtime")
        # The plugin manager shares its state among all its instances, so this reaches the server's own.
        peers.PluginManager(path).executor.timeout = config["plugin_settings"]["plugin_timeout"]
        asyncio.run(runtime.run())


if __name__ == "__main__":
    sys.exit(main())
