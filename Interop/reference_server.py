# SPDX-License-Identifier: Apache-2.0
"""Starts the installed generation's own plugin server, gRPC or raw socket, with the suite's plugins.

The server is the stock one. What it cannot do is added around it: it reports the port it was given, prints READY, and
takes the plugin's time limit from the configuration, which it reads and ignores. It also carries the stock Python
implementations of the standard health and reflection services, so that the tests of those have an oracle too.
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
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionServicer

import peers


class Health(HealthServicer):
    """The stock asynchronous servicer, which has no List yet."""

    async def List(self, request, context):
        statuses = {name: health_pb2.HealthCheckResponse(status=status) for name, status in self._server_status.items()}
        return health_pb2.HealthListResponse(statuses=statuses)


def add_standard_services(server, health: Health) -> None:
    """Adds health, and reflection under both of its names."""
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [
        f"{peers.PACKAGE}.PluginService",
        f"{peers.PACKAGE}.Health",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]
    servicer: ServerReflectionServicer = reflection.aio.ReflectionServicer(names)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for package in ("grpc.reflection.v1", "grpc.reflection.v1alpha"):
        generic = grpc.method_handlers_generic_handler(
            f"{package}.ServerReflection", {"ServerReflectionInfo": handler}
        )
        server.add_generic_rpc_handlers((generic,))


async def serve(config: str, host: str, port: int, uds: str | None, tls: dict | None = None) -> None:
    runtime = peers.framework("external.grpc.server.runtime").GrpcPluginRuntime(config_path=config)
    runtime._get_server_config = lambda: peers.GRPCServerConfig(host=host, port=port, uds=uds, tls=tls)
    bound = []
    health = Health()
    make_server = grpc.aio.server

    def reporting_server(*arguments, **options):
        server = make_server(*arguments, **options)
        start, add_port, add_tls_port = server.start, server.add_insecure_port, server.add_secure_port

        def add_insecure_port(address: str) -> int:
            bound.append(add_port(address))
            return bound[-1]

        def add_secure_port(address: str, credentials: grpc.ServerCredentials) -> int:
            bound.append(add_tls_port(address, credentials))
            return bound[-1]

        async def start_and_report() -> None:
            add_standard_services(server, health)
            await start()
            address = f"unix:{uds}" if uds else f"{host}:{bound[0]}"
            print(json.dumps({"message": "Plugin server listening", "address": address}), file=sys.stderr, flush=True)
            print("READY", flush=True)

        server.add_insecure_port, server.add_secure_port = add_insecure_port, add_secure_port
        server.start = start_and_report
        return server

    grpc.aio.server = reporting_server
    loop = asyncio.get_running_loop()

    async def end() -> None:
        await health.enter_graceful_shutdown()
        await asyncio.sleep(0.1)
        runtime.request_shutdown()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: ending.append(loop.create_task(end())))
    ending: list[asyncio.Task] = []
    with open(config, encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    for entry in settings["plugins"]:
        serving = entry.get("mode") != "disabled"
        await health.set(entry["name"], health_pb2.HealthCheckResponse.SERVING if serving else 2)
    # The plugin manager shares its state among all its instances, so this reaches the server's own.
    peers.PluginManager(config).executor.timeout = settings["plugin_settings"]["plugin_timeout"]
    try:
        await runtime.start()
    finally:
        await runtime.stop()


async def serve_frames(config: str, path: str) -> None:
    with open(config, encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    # As above.
    peers.PluginManager(config).executor.timeout = settings["plugin_settings"]["plugin_timeout"]
    print(json.dumps({"message": "Plugin server listening", "address": f"unix:{path}"}), file=sys.stderr, flush=True)
    # It prints READY itself.
    await peers.framework("external.unix.server.server").run_server(config, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", choices=("grpc", "unix"), default="grpc")
    parser.add_argument("-c", "--config", required=True)
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=0)
    parser.add_argument("--uds")
    for name in ("certfile", "keyfile", "ca-bundle", "client-auth"):
        parser.add_argument(f"--{name}", help="as in grpc_server_settings.tls")
    arguments = parser.parse_args()
    with open(arguments.config, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    for entry in config["plugins"]:
        entry["kind"] = f"reference_plugins.{entry['kind']}"
    with tempfile.TemporaryDirectory(prefix="gh-reference-") as folder:
        path = os.path.join(folder, "plugins.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file, allow_unicode=True)
        tls = None
        if arguments.certfile:
            tls = {
                "certfile": arguments.certfile,
                "keyfile": arguments.keyfile,
                "ca_bundle": arguments.ca_bundle,
                "client_auth": arguments.client_auth or "require",
            }
        if arguments.transport == "unix":
            asyncio.run(serve_frames(path, arguments.uds))
        else:
            asyncio.run(serve(path, arguments.host, arguments.port, arguments.uds, tls))


if __name__ == "__main__":
    main()
