// SPDX-License-Identifier: Apache-2.0

import Bench
import Subprocess
import Values

/// ContextForge's own plugin server and client, from a Python environment that has them.
struct BenchReference: Sendable {
    /// The interpreter of an environment with `mcp-contextforge-gateway[grpc]==1.0.0`.
    let python: String
    private let folder: String
    private let configuration: String
    private let client: String

    /// Writes the scripts.
    init(python: String, in folder: BenchFolder) throws {
        self.python = python
        self.folder = folder.path
        _ = try folder.write("noop_plugin.py", Self.plugin)
        configuration = try folder.write("reference.yaml", Self.yaml)
        client = try folder.write("reference_client.py", Self.loader)
    }

    /// The command of a server for a transport.
    func server(
        _ transport: BenchTransport, at place: BenchPlace
    ) -> (command: [String], environment: [String: String]) {
        let root = "mcpgateway.plugins.framework.external"
        var environment = environment
        switch transport {
        case .grpcTCP, .grpcUDS:
            var command = [python, "-m", "\(root).grpc.server.runtime", "-c", configuration, "-l", "ERROR"]
            switch place {
            case .port(let port): command += ["-H", "127.0.0.1", "-p", "\(port)"]
            case .unixSocket(let path): environment["PLUGINS_GRPC_SERVER_UDS"] = path
            }
            return (command, environment)
        case .rawSocket:
            environment["PLUGINS_UNIX_SOCKET_PATH"] = place.description
            return ([python, "-m", "\(root).unix.server.runtime"], environment)
        case .mcpHTTP, .mcpHTTPUDS:
            environment["PLUGINS_TRANSPORT"] = "http"
            environment["PLUGINS_SERVER_HOST"] = "127.0.0.1"
            switch place {
            case .port(let port): environment["PLUGINS_SERVER_PORT"] = "\(port)"
            case .unixSocket(let path): environment["PLUGINS_SERVER_UDS"] = path
            }
            return ([python, "-m", "\(root).mcp.server.runtime"], environment)
        case .stdio:
            environment["PLUGINS_TRANSPORT"] = "stdio"
            return ([python, "-m", "\(root).mcp.server.runtime"], environment)
        }
    }

    /// Runs its client against a server; over stdio the client starts the server.
    func load(
        _ transport: BenchTransport, at place: BenchPlace?, inFlight: Int, seconds: Double
    ) async throws -> Comparison.Sample {
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let command = [python, client, transport.rawValue, place?.description ?? "", "\(inFlight)", "\(seconds)"]
        let outcome = try await Subprocess.run(
            .name("env"), arguments: Arguments(variables + command), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        guard outcome.terminationStatus.isSuccess,
            let line = outcome.standardOutput.split(separator: "\n").last,
            let figures = try? JSONParser.decode(line.utf8), let rate = figures["calls_per_second"]?.doubleValue,
            let p50 = figures["p50_us"]?.doubleValue, let p99 = figures["p99_us"]?.doubleValue
        else {
            throw BenchFailure(
                "The reference's client over \(transport.title) failed (\(outcome.terminationStatus)):\n"
                    + outcome.standardError.suffix(4_000))
        }
        return Comparison.Sample(rate: rate, p50: .microseconds(p50), p99: .microseconds(p99))
    }

    private var environment: [String: String] {
        [
            "PYTHONPATH": folder, "LOG_LEVEL": "ERROR", "PLUGINS_SSRF_PROTECTION_ENABLED": "false",
            "PLUGINS_CONFIG_PATH": configuration,
        ]
    }

    private static let yaml = """
        plugins:
          - name: NoOp
            kind: noop_plugin.NoOpPlugin
            hooks: [tool_pre_invoke]
        plugin_settings: {}
        """

    private static let plugin = """
        from mcpgateway.plugins.framework import Plugin, PluginResult


        class NoOpPlugin(Plugin):
            async def tool_pre_invoke(self, payload, context):
                return PluginResult(continue_processing=True)
        """

    /// Arguments: transport, address, calls in flight, seconds.
    private static let loader = """
        import asyncio
        import json
        import logging
        import os
        import sys
        import time
        from importlib import import_module

        logging.disable(logging.CRITICAL)

        from mcpgateway.plugins.framework import GlobalContext, PluginConfig, PluginContext
        from mcpgateway.plugins.framework.hooks.tools import ToolPreInvokePayload


        def client_of(transport, address):
            root = "mcpgateway.plugins.framework.external"
            settings = {
                "grpc-tcp": ("grpc", "GrpcExternalPlugin", {"grpc": {"target": address}}),
                "grpc-uds": ("grpc", "GrpcExternalPlugin", {"grpc": {"uds": address}}),
                "raw-socket": ("unix", "UnixSocketExternalPlugin", {"unix_socket": {"path": address}}),
                "mcp-http": ("mcp", "ExternalPlugin", {"mcp": {
                    "proto": "STREAMABLEHTTP", "url": f"http://{address}/mcp"}}),
                "mcp-http-uds": ("mcp", "ExternalPlugin", {"mcp": {
                    "proto": "STREAMABLEHTTP", "url": "http://localhost/mcp", "uds": address}}),
                "stdio": ("mcp", "ExternalPlugin", {"mcp": {
                    "proto": "STDIO", "cmd": [sys.executable, "-m", f"{root}.mcp.server.runtime"],
                    "env": {"PLUGINS_TRANSPORT": "stdio", **server_environment()}}}),
            }
            module, name, where = settings[transport]
            plugin = getattr(import_module(f"{root}.{module}.client"), name)
            return plugin(PluginConfig(name="NoOp", kind="external", **where))


        def server_environment():
            return {name: os.environ[name] for name in ("PLUGINS_CONFIG_PATH", "PYTHONPATH", "LOG_LEVEL")}


        async def main():
            transport, address, in_flight, seconds = sys.argv[1:]
            client = client_of(transport, address)
            await client.initialize()
            payload = ToolPreInvokePayload(name="search", args={"query": "swift"})
            times = []
            start = time.perf_counter()
            end = start + float(seconds)

            async def work(caller):
                number = 0
                begin = time.perf_counter()
                while begin < end:
                    number += 1
                    context = PluginContext(global_context=GlobalContext(
                        request_id=f"bench-{caller}-{number}", user="ada@example.com", tenant_id="tenant-1"))
                    result = await client.invoke_hook("tool_pre_invoke", payload, context)
                    assert result.continue_processing
                    now = time.perf_counter()
                    times.append(now - begin)
                    begin = now

            await asyncio.gather(*(work(caller) for caller in range(int(in_flight))))
            elapsed = time.perf_counter() - start
            times.sort()
            print(json.dumps({
                "calls_per_second": len(times) / elapsed,
                "p50_us": times[len(times) // 2] * 1e6,
                "p99_us": times[min(len(times) - 1, len(times) * 99 // 100)] * 1e6,
            }), flush=True)
            await client.shutdown()


        asyncio.run(main())
        """
}
