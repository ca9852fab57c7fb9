# SPDX-License-Identifier: Apache-2.0
"""Starts the installed generation's own MCP plugin server with the suite's plugins: over HTTP on a Unix socket, over HTTPS on a
port that the system chooses, or over stdio.

The server is the stock one; only the names of the plugins' classes are completed, and their time limit is taken from the
configuration, which the server reads and ignores. Over HTTPS the port is reported, and `ssl_cert_reqs` handed on as a number: the
stock server hands on text, with which Python's ssl cannot begin.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile

import yaml

import peers


def serve_tls_on_any_port(runtime) -> None:
    """Makes the stock server listen on a port that the system chooses, and tell which."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    stock_config = runtime.SSLCapableFastMCP._get_ssl_config

    def config_with_number(self) -> dict:
        config = stock_config(self)
        config["ssl_cert_reqs"] = int(config["ssl_cert_reqs"])
        return config

    async def no_health_server(self, port: int) -> None:
        """The stock one listens on the port 1000 above, in plain text."""

    class Server(runtime.uvicorn.Server):
        async def serve(self, sockets=None):
            await super().serve(sockets=[listener])

    runtime.SSLCapableFastMCP._get_ssl_config = config_with_number
    runtime.SSLCapableFastMCP._start_health_check_server = no_health_server
    runtime.uvicorn.Server = Server
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    print(json.dumps({"message": "Plugin server listening", "address": address}), file=sys.stderr, flush=True)
    print("READY", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", "--config", required=True)
    parser.add_argument("--uds", help="serve HTTP there; without it stdio is served")
    for name in ("certfile", "keyfile", "ca-bundle", "ssl-cert-reqs"):
        parser.add_argument(f"--{name}", help="as in server_settings.tls; serve HTTPS")
    arguments = parser.parse_args()
    with open(arguments.config, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    for entry in config["plugins"]:
        entry["kind"] = f"reference_plugins.{entry['kind']}"
    config.pop("grpc_server_settings", None)
    if arguments.uds:
        config["server_settings"] = {"uds": arguments.uds}
    elif arguments.certfile:
        config["server_settings"] = {
            "host": "127.0.0.1",
            "port": 8000,
            "tls": {
                "certfile": arguments.certfile,
                "keyfile": arguments.keyfile,
                "ca_bundle": arguments.ca_bundle,
                "ssl_cert_reqs": int(arguments.ssl_cert_reqs),
            },
        }
    with tempfile.TemporaryDirectory(prefix="gh-reference-") as folder:
        path = os.path.join(folder, "plugins.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, allow_unicode=True)
        os.environ["PLUGINS_CONFIG_PATH"] = path
        os.environ["PLUGINS_TRANSPORT"] = "http" if arguments.uds or arguments.certfile else "stdio"
        runtime = peers.framework("external.mcp.server.runtime")
        if arguments.certfile:
            serve_tls_on_any_port(runtime)
        # The plugin manager shares its state among all its instances, so this reaches the server's own.
        peers.PluginManager(path).executor.timeout = config["plugin_settings"]["plugin_timeout"]
        asyncio.run(runtime.run())


if __name__ == "__main__":
    sys.exit(main())
