// SPDX-License-Identifier: Apache-2.0

import Gateway
import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginFramework
import Sockets
import Values

@testable import TransportSecurity

/// Blocks every call of a tool, and says who makes it.
struct Doorman: PluginInvoker {
    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        let caller = invocation.context.caller
        let violation = PluginViolation(
            code: "WHO", reason: "asked", description: caller?.spiffeID ?? caller?.subject ?? "nobody")
        return PluginAnswer(
            plugin: invocation.plugin, outcome: .success(PluginResult(continueProcessing: false, violation: violation)))
    }

    func describe(_ plugin: String) async -> Value? { nil }
    var health: PluginHealth { PluginHealth(isServing: true, plugins: [:]) }
}

/// A gateway in this process, as long as a closure runs.
enum GatewayTestServer {
    /// Runs a gateway with such settings, on a free port of the loopback.
    static func with<R: Sendable>(
        _ settings: GatewaySettings, asksDoorman: Bool = false, log: LogLines = LogLines(),
        store: TLSStore? = nil, _ body: @Sendable (_ port: Int) async throws -> R
    ) async throws -> R {
        let store = store ?? TLSStore(logger: log.logger)
        var entry = PluginEntry(name: "Doorman", kind: "test")
        entry.hooks = [.toolPreInvoke]
        let pipeline =
            asksDoorman
            ? try Pipeline(
                PipelineConfiguration(plugins: [PipelinePlugin(entry, invoker: Doorman())]), logger: log.logger)
            : Optional<Pipeline>.none
        let listener = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))
        let gateway = Gateway(
            settings, pipeline: pipeline, version: "test",
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: log.logger,
            security: try GatewaySecurity(settings, tls: store, listens: true),
            metrics: { $0.add(store.certificates) })
        let bound = AsyncStream<Int>.makeStream()
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await store.run() }
            tasks.addTask {
                try await gateway.run(
                    listeners: [listener],
                    onListening: { addresses in
                        if case .tcp(_, let port)? = addresses.first { bound.continuation.yield(port) }
                    })
            }
            var ports = bound.stream.makeAsyncIterator()
            defer { tasks.cancelAll() }
            return try await body(await ports.next() ?? 0)
        }
    }

    /// An upstream that is reached by HTTP.
    static func upstream(_ url: String, _ tls: ClientTLSSettings?) -> UpstreamSettings {
        var address = UpstreamAddress(url: url)
        address.tls = tls
        var upstream = UpstreamSettings(name: "up", target: .http(address), prefix: "up")
        upstream.timeout = .seconds(60)
        return upstream
    }

    /// Does something with a session of the gateway.
    static func withClient<R: Sendable>(
        _ port: Int, _ security: TLSClient, _ body: (MCPClient) async throws -> R
    ) async throws -> R {
        let http = client(security)
        let result: Result<R, any Error>
        do {
            let client = try await MCPClient.connect(
                .http(MCPHTTPClientSettings(url: "https://localhost:\(port)/mcp")),
                info: ["name": "tester", "version": "1"], httpClient: http,
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: LogLines().logger)
            do { result = .success(try await body(client)) } catch { result = .failure(error) }
            await client.close()
        } catch {
            result = .failure(error)
        }
        await http.shutDown()
        return try result.get()
    }

    static func client(_ security: TLSClient) -> HTTPClient {
        HTTPClient(
            security: .tls(security), eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
            logger: LogLines().logger)
    }

    /// One page of the gateway: its status and text, or why there is none.
    static func get(_ port: Int, _ path: String, _ security: TLSClient) async throws -> (status: Int, text: String) {
        let http = client(security)
        let result: Result<(Int, String), any Error>
        do {
            let address = try HTTPAddress("https://localhost:\(port)\(path)")
            let response = try await http.execute(
                HTTPClientRequest(address: address), deadline: .now() + .seconds(120))
            let body = try await response.collect(upTo: 1 << 20)
            result = .success((Int(response.status.code), String(buffer: body)))
        } catch {
            result = .failure(error)
        }
        await http.shutDown()
        return try result.get()
    }
}

extension MCPClient {
    /// Calls a tool: the text of its result, or the error.
    func text(of tool: String) async throws -> String {
        do throws(MCPClientError) {
            let params = Document(object: ["name": .string(tool), "arguments": [:]])
            let result = try await request("tools/call", params, options: .init(timeout: .seconds(120)))
            return result["content"]?.arrayValue?.first?["text"]?.stringValue ?? ""
        } catch {
            return "\(error)"
        }
    }
}
