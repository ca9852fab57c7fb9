# SPDX-License-Identifier: Apache-2.0
"""Starts the installed generation's own gRPC plugin server with the suite's plugins.

The server is the stock one. What it cannot do is added around it: it reports the port it was given, prints READY, and
takes the plugin's time limit from the configuration, which it reads and ignores.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile

import grpc
import yaml

import peers


async def serve(config: str, host: str, port: int, uds: str | None) -> None:
    runtime = peers.framework("external.grpc.server.runtime").GrpcPluginRuntime(config_path=config)
    runtime._get_server_config = lambda: peers.GRPCServerConfig(host=host, port=port, uds=uds)
    bound = []
    make_server = grpc.aio.server

    def reporting_server(*arguments, **options):
        server = make_server(*arguments, **options)
        start, add_port = server.start, server.add_insecure_port

        def add_insecure_port(address: str) -> int:
            bound.append(add_port(address))
            return bound[-1]

        async def start_and_report() -> None:
            await start()
            address = f"unix:{uds}" if uds else f"{host}:{bound[0]}"
            print(json.dumps({"message": "Plugin server listening", "address": address}), file=sys.stderr, flush=True)
            print("READY", flush=True)

        server.add_insecure_port, server.start = add_insecure_port, start_and_report
        return server

    grpc.aio.server = reporting_server
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runtime.request_shutdown)
    with open(config, encoding="utf-8") as file:
        limit = yaml.safe_load(file)["plugin_settings"]["plugin_timeout"]
    # The plugin manager shares its state among all its instances, so this reaches the server's own.
    peers.PluginManager(config).executor.timeout = limit
    try:
        await runtime.start()
    finally:
        await runtime.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", "--config", required=True)
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=0)
    parser.add_argument("--uds")
    arguments = parser.parse_args()
    with open(arguments.config, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    for entry in config["plugins"]:
        entry["kind"] = f"reference_plugins.{entry['kind']}"
    with tempfile.TemporaryDirectory(prefix="gh-reference-") as folder:
        path = os.path.join(folder, "plugins.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, allow_unicode=True)
        asyncio.run(serve(path, arguments.host, arguments.port, arguments.uds))


if __name__ == "__main__":
    main()
