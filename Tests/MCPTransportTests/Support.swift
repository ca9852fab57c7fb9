// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import Logging
import MCPTransport
import ModelContextProtocol
import NIOCore
import NIOPosix
import PluginFramework
import ServiceLifecycle
import Sockets
import Synchronization
import Testing
import Values

/// A plugin server over MCP/HTTP in this process, for as long as a closure runs.
struct MCPTestServer: Sendable {
    /// 0 on a Unix socket.
    let port: Int

    var url: String { "http://127.0.0.1:\(port)/mcp" }

    /// On the Unix socket `path`, else on a port of the loopback: that one, or a free one.
    static func with<R: Sendable>(
        path: String? = nil, port: Int = 0, plugins: [any Plugin.Type] = [Mirror.self], entries: [PluginEntry],
        info: PluginHTTPEndpoint.ServerInfo = PluginHTTPEndpoint.ServerInfo(),
        _ body: (MCPTestServer) async throws -> R
    ) async throws -> R {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let host = try await PluginHost.load(entries, registry: PluginRegistry(plugins), logger: silent)
        let group = MultiThreadedEventLoopGroup.singleton
        let mcp = StreamableHTTPServer(
            application: PluginMCPApplication(service: host, version: "test"), eventLoopGroup: group, logger: silent)
        let endpoint = PluginHTTPEndpoint(service: host, mcp: mcp, info: info)
        await endpoint.publishHealth()
        let listener = try ListeningSocket.open(
            path.map { .unix(UnixSocketSettings(path: $0)) } ?? .tcp(host: "127.0.0.1", port: port))
        let bound = AsyncStream<Int>.makeStream()
        let server = HTTPServer(
            listeners: [listener], responder: endpoint, eventLoopGroup: group, budget: ByteBudget(), logger: silent,
            onListening: { addresses in
                guard case .tcp(_, let port)? = addresses.first else {
                    bound.continuation.yield(0)
                    return
                }
                bound.continuation.yield(port)
            })
        // Cancelling it is as good as killing it: connections are closed in the middle of calls.
        let running = Task { try await server.run() }
        let health = Task { await endpoint.followHealth() }
        var ports = bound.stream.makeAsyncIterator()
        let result: Result<R, any Error>
        do {
            result = .success(try await body(MCPTestServer(port: await ports.next() ?? 0)))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = try? await running.value
        health.cancel()
        await mcp.shutDown(grace: .zero)
        await host.shutdown()
        return try result.get()
    }
}

/// Answers with the payload, its context and what it saw of both.
struct Mirror: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        switch call.name {
        case "fail": throw PluginError("it broke", pluginName: "", code: "BROKEN", details: ["why": "test"])
        case "block":
            return .block(
                PluginViolation(
                    code: "NO", reason: "not this one", details: ["n": 1], mcpErrorCode: -32_001, httpStatusCode: 451,
                    httpHeaders: ["Retry-After": "60"]),
                metadata: ["blocked": true], httpHeaders: ["x-result": "blocked"], retryDelayMilliseconds: 250)
        case "hang": try await Task.sleep(for: .seconds(3_600))
        case "nan": return .pass(ToolCall(name: "nan", args: ["x": .double(.nan)]))
        case "nothing": return .pass
        case "hop": await Task.yield()
        default: break
        }
        context.update { values in
            values.state["seen"] = values.global.state["n"] ?? .null
            values.metadata["user_context"] = values.global.userContext.map { .object($0) } ?? .null
        }
        return .pass(call)
    }
}

extension PluginEntry {
    /// A plugin of a server.
    static func mirror(_ name: String = "Mirror") -> PluginEntry {
        var entry = PluginEntry(name: name, kind: "Mirror")
        entry.description = "reflects"
        entry.tags = ["remote"]
        entry.priority = 7
        entry.mode = .permissive
        return entry
    }

    /// An external entry.
    static func external(
        _ name: String = "mirror", _ transport: ExternalPluginSettings.MCPTarget.Transport = .streamableHTTP,
        _ change: (inout ExternalPluginSettings.MCPTarget) -> Void
    ) -> PluginEntry {
        var entry = PluginEntry(name: name, kind: "external")
        var target = ExternalPluginSettings.MCPTarget(transport: transport)
        change(&target)
        entry.external = .mcp(target)
        return entry
    }
}

/// Makes a connector around a closure.
func connector() -> MCPPluginConnector {
    MCPPluginConnector(
        callTimeout: .seconds(60), clientVersion: "test", eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
        budget: ByteBudget(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
}

/// A path for a Unix socket in a folder of its own, for as long as a closure runs.
func withSocketPath<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/gatehouse-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw NeverHappened(what: "a folder") }
    let folder = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = folder + "/s"
    defer {
        unlink(path)
        rmdir(folder)
    }
    return try await body(path)
}

/// Waits for something that must come to pass; liveness only, so the limit is generous.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < limit else { throw NeverHappened(what: what) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {
    let what: String
}
