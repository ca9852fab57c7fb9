// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginFramework
import Sockets
import Synchronization
import Values

@testable import Gateway

/// A gateway with MCP servers behind it, all on Unix sockets of a folder of their own, as long as a closure runs.
struct TestGateway: Sendable {
    static let group = MultiThreadedEventLoopGroup.singleton

    let folder: TestFolder
    let http: HTTPClient

    /// Runs a gateway.
    ///
    /// - Parameters:
    ///   - upstreams: The servers, by the names that they have behind the gateway.
    ///   - plugins: The chain.
    ///   - adjust: Changes the settings before the gateway is made.
    static func with<Result: Sendable>(
        _ upstreams: [(String, TestUpstream)], plugins: [PipelinePlugin] = [],
        adjusting adjust: @Sendable (inout GatewaySettings) -> Void = { _ in },
        _ body: @Sendable (TestGateway) async throws -> Result
    ) async throws -> Result {
        let folder = try TestFolder()
        let http = makeClient()
        var settings = GatewaySettings()
        settings.upstreams = upstreams.map { name, _ in upstream(name, folder) }
        adjust(&settings)
        let pipeline =
            plugins.isEmpty ? nil : try Pipeline(PipelineConfiguration(plugins: plugins), logger: .quiet)
        let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: folder.socket("gateway"))))
        let gateway = Gateway(
            settings, pipeline: pipeline, version: "test", eventLoopGroup: group, budget: ByteBudget(), logger: .quiet)
        let listening = SharedResult<Void, Never>()
        let result = try await withThrowingTaskGroup(of: Void.self) { tasks in
            for (name, application) in upstreams {
                try serve(application, at: folder.socket(name), in: &tasks)
            }
            tasks.addTask {
                try await gateway.run(listeners: [listener], onListening: { _ in listening.give(.success(())) })
            }
            _ = await listening.wait()
            defer { tasks.cancelAll() }
            return try await body(TestGateway(folder: folder, http: http))
        }
        await http.shutDown()
        return result
    }

    static func makeClient() -> HTTPClient {
        var configuration = HTTPClientConfiguration()
        // Each client of a test holds a stream open beside its calls.
        configuration.maxConnectionsPerOrigin = 1_000
        return HTTPClient(
            configuration: configuration, eventLoopGroup: group, budget: ByteBudget(), logger: .quiet)
    }

    static func upstream(_ name: String, _ folder: TestFolder) -> UpstreamSettings {
        var address = UpstreamAddress(url: "http://localhost/mcp")
        address.socketPath = folder.socket(name)
        var upstream = UpstreamSettings(name: name, target: .http(address), prefix: name)
        upstream.timeout = .seconds(60)
        return upstream
    }

    /// Serves an application on a socket until its task is cancelled.
    static func serve(
        _ application: TestUpstream, at path: String, in tasks: inout ThrowingTaskGroup<Void, any Error>
    ) throws {
        let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: path)))
        let endpoint = StreamableHTTPServer(application: application, eventLoopGroup: group, logger: .quiet)
        let server = HTTPServer(
            listeners: [listener], responder: endpoint, eventLoopGroup: group, budget: ByteBudget(), logger: .quiet)
        tasks.addTask {
            do { try await server.run() } catch is CancellationError {}
            await endpoint.shutDown(grace: .zero)
        }
    }

    /// A client of the gateway.
    func connect(
        _ path: String = "/mcp", headers: [(name: String, value: String)] = [], capabilities: ValueObject = [:],
        revision: ProtocolRevision = .latestHandshake, mode: MCPProtocolMode = .handshake,
        handler: any MCPClientHandler = IgnoringClientHandler()
    ) async throws -> MCPClient {
        try await MCPClient.connect(
            .http(
                MCPHTTPClientSettings(
                    url: "http://localhost\(path)", unixSocket: folder.socket("gateway"), headers: headers)),
            info: ["name": "tester", "version": "1"], capabilities: capabilities, revision: revision, mode: mode,
            handler: handler,
            httpClient: http, eventLoop: Self.group.next(), logger: .quiet)
    }

    /// A plain HTTP request to the gateway.
    func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> (status: Int, body: Value) {
        let address = try HTTPAddress("http://localhost\(path)", unixSocket: folder.socket("gateway"))
        let response = try await http.execute(
            HTTPClientRequest(method: .GET, address: address, headers: headers), deadline: .now() + .seconds(60))
        let body = try await response.collect(upTo: 1 << 20)
        return (Int(response.status.code), try JSONParser.decode(body.readableBytesView))
    }
}

extension MCPClient {
    /// Calls a tool with one text.
    func call(_ tool: String, _ arguments: Value = [:], meta: Value? = nil) async throws(MCPClientError) -> Value {
        var params: ValueObject = ["name": .string(tool), "arguments": arguments]
        if let meta { params["_meta"] = meta }
        return try await request("tools/call", Document(object: params), options: .init(timeout: .seconds(60))).value
    }

    /// The names of a list, and whatever else was asked for.
    func list(_ method: String, _ member: String, _ key: String = "name") async throws(MCPClientError) -> [String] {
        let result = try await request(method, nil, options: .init(timeout: .seconds(60)))
        return result[member]?.arrayValue?.compactMap { $0[key]?.stringValue } ?? []
    }
}

extension Value {
    /// The text of a result's only block.
    var onlyText: String? { self["content"]?.arrayValue?.first?["text"]?.stringValue }
}

extension Logger {
    /// Says nothing.
    static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}

/// The error of a request that has to fail.
func failure<Result>(of body: () async throws(MCPClientError) -> Result) async -> JSONRPCError? {
    do throws(MCPClientError) {
        _ = try await body()
        return nil
    } catch {
        guard case .rpc(let answer) = error else { return nil }
        return answer
    }
}

/// Waits until something is so; gives up after a time that only a fault can take.
func eventually(_ condition: () async -> Bool) async -> Bool {
    for _ in 0..<6_000 {
        if await condition() { return true }
        do { try await Task.sleep(for: .milliseconds(10)) } catch { return false }
    }
    return false
}
