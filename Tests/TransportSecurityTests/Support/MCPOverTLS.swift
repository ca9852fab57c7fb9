// SPDX-License-Identifier: Apache-2.0

import HTTP
import MCPTransport
import ModelContextProtocol
import NIOCore
import NIOPosix
import PluginFramework
import Sockets
import Values

@testable import TransportSecurity

/// Notes who calls.
struct Who: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        let caller = context.caller
        var metadata: ValueObject = ["subject": caller.map { .string($0.subject) } ?? "nobody"]
        if let caller {
            metadata["dns"] = .array(caller.dnsNames.map { .string($0) })
            metadata["spiffe"] = caller.spiffeID.map { Value.string($0) } ?? Value.null
        }
        return .pass(metadata: metadata)
    }
}

/// A plugin server over MCP/HTTP in this process, as the product makes it.
enum MCPTestServer {
    static func with<R: Sendable>(
        _ security: TLSServer?, log: LogLines = LogLines(), _ body: (_ port: Int) async throws -> R
    ) async throws -> R {
        let host = try await PluginHost.load(
            [PluginEntry(name: "Who", kind: "Who")], registry: PluginRegistry([Who.self]), logger: log.logger)
        let group = MultiThreadedEventLoopGroup.singleton
        let mcp = StreamableHTTPServer(
            application: PluginMCPApplication(service: host, version: "test"), eventLoopGroup: group,
            logger: log.logger)
        let endpoint = PluginHTTPEndpoint(service: host, mcp: mcp)
        await endpoint.publishHealth()
        let bound = AsyncStream<Int>.makeStream()
        let server = HTTPServer(
            listeners: [try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))], responder: endpoint,
            security: security.map { .tls($0, handshakeTimeout: .seconds(120)) } ?? .plaintext, eventLoopGroup: group,
            budget: ByteBudget(),
            logger: log.logger,
            onListening: { addresses in
                if case .tcp(_, let port)? = addresses.first { bound.continuation.yield(port) }
            })
        let running = Task { try await server.run() }
        var ports = bound.stream.makeAsyncIterator()
        let result: Result<R, any Error>
        do {
            result = .success(try await body(await ports.next() ?? 0))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = try? await running.value
        await mcp.shutDown(grace: .zero)
        await host.shutdown()
        return try result.get()
    }

    /// The entry of the plugin at a URL.
    static func entry(_ url: String, _ tls: ClientTLSSettings? = nil, uds: String? = nil) -> PluginEntry {
        var entry = PluginEntry(name: "Who", kind: "external")
        var target = ExternalPluginSettings.MCPTarget(transport: .streamableHTTP)
        target.url = url
        target.uds = uds
        target.tls = tls
        entry.external = .mcp(target)
        return entry
    }

    static func connector(_ tls: TLSStore? = nil) -> MCPPluginConnector {
        MCPPluginConnector(
            callTimeout: .seconds(60), clientVersion: "test", eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: ByteBudget(), logger: LogLines().logger, tls: tls)
    }

    /// One call of the plugin.
    static var invocation: PluginInvocation {
        PluginInvocation(
            hook: .toolPreInvoke, plugin: "Who", payload: ToolCall(name: "t", args: [:]).document,
            context: PluginContext(global: GlobalContext(requestID: "r")))
    }

    /// Asks the plugin who we are: what it noted, or why it cannot be asked.
    static func ask(_ url: String, _ tls: ClientTLSSettings?) async throws -> (metadata: ValueObject?, reason: String) {
        let invoker = try connector().plugin(for: entry(url, tls))
        await invoker.start(patience: .seconds(120))
        let reason = invoker.downReason?.reason ?? ""
        let answer = await invoker.invoke(invocation)
        await invoker.shutDown()
        return (try? answer.outcome.get().metadata, reason)
    }
}
