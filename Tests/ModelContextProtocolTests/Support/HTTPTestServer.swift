// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Testing
import Values

/// An MCP endpoint on a port of the kernel's choice, and a client that sends it what a test wants, right or wrong.
struct HTTPTestServer: Sendable {
    let endpoint: StreamableHTTPServer
    let http: HTTPClient
    let address: HTTPAddress
    let listening: ListenAddress
    let budget: ByteBudget

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Serves an application while the closure runs.
    static func with(
        _ application: any MCPServerApplication, settings: StreamableHTTPSettings = StreamableHTTPSettings(),
        admission: (any MCPAdmission)? = nil, budget: ByteBudget = ByteBudget(),
        _ body: @escaping @Sendable (HTTPTestServer) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let endpoint = StreamableHTTPServer(
            application: application, settings: settings, admission: admission, eventLoopGroup: group, logger: logger)
        let (addresses, found) = AsyncStream.makeStream(of: ListenAddress.self)
        let server = HTTPServer(
            listeners: [try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))], responder: endpoint,
            eventLoopGroup: group, budget: budget, logger: logger,
            onListening: { for address in $0 { found.yield(address) } })
        let http = HTTPClient(eventLoopGroup: group, budget: budget, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            var iterator = addresses.makeAsyncIterator()
            let listening = try #require(await iterator.next())
            let address = try HTTPAddress("http://\(listening)/mcp")
            do {
                try await body(
                    HTTPTestServer(
                        endpoint: endpoint, http: http, address: address, listening: listening, budget: budget))
            } catch {
                await endpoint.shutDown(grace: .zero)
                await http.shutDown()
                tasks.cancelAll()
                throw error
            }
            await endpoint.shutDown(grace: .zero)
            await http.shutDown()
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    /// The settings of a client of ours that talks to this server.
    var clientSettings: MCPHTTPClientSettings { MCPHTTPClientSettings(url: "\(address)") }

    /// Connects a client of ours.
    func connect(
        handler: any MCPClientHandler = IgnoringClientHandler(), capabilities: ValueObject = [:],
        revision: ProtocolRevision = .latestHandshake
    ) async throws -> MCPClient {
        try await MCPClient.connect(
            .http(clientSettings), info: ["name": "test", "version": "1"], capabilities: capabilities,
            revision: revision, handler: handler, httpClient: http,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Self.logger)
    }

    // MARK: Requests as a test wants them

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var text: String

        /// The JSON body.
        func json() throws -> Value { try JSONParser.decode(text.utf8) }

        /// The JSON of each event of the body.
        func events() throws -> [Value] {
            var decoder = ServerSentEventDecoder(maxEventSize: 1 << 20)
            decoder.feed(ByteBuffer(string: text))
            var values: [Value] = []
            while let event = try decoder.next() {
                if event.data.readableBytes > 0 { values.append(try JSONParser.decode(Array(buffer: event.data))) }
            }
            return values
        }

        var errorCode: Int64? { (try? json())?["error"]?["code"]?.intValue }
    }

    static let usualHeaders: HTTPHeaders = [
        "content-type": "application/json", "accept": "application/json, text/event-stream",
    ]

    func send(
        _ method: HTTPMethod, _ body: String = "", headers: HTTPHeaders = usualHeaders, session: String? = nil
    ) async throws -> Answer {
        try await send(method, Array(body.utf8), headers: headers, session: session)
    }

    func send(
        _ method: HTTPMethod, _ body: [UInt8], headers: HTTPHeaders = usualHeaders, session: String? = nil
    ) async throws -> Answer {
        let response = try await open(method, body, headers: headers, session: session)
        let bytes = try await response.collect(upTo: 4 << 20)
        return Answer(
            status: Int(response.status.code), headers: response.headers, text: String(buffer: bytes))
    }

    /// Sends a request and returns when the head of the answer is there.
    func open(
        _ method: HTTPMethod, _ body: [UInt8] = [], headers: HTTPHeaders = usualHeaders, session: String? = nil
    ) async throws -> HTTPClientResponse {
        var headers = headers
        if let session { headers.add(name: "mcp-session-id", value: session) }
        return try await http.execute(
            HTTPClientRequest(method: method, address: address, headers: headers, body: ByteBuffer(bytes: body)),
            deadline: .now() + .seconds(60))
    }

    func post(_ body: String, session: String? = nil) async throws -> Answer {
        try await send(.POST, body, session: session)
    }

    static func initializeBody(_ version: String = "2025-11-25", id: String = "0") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"initialize","params":{"protocolVersion":"\#(version)","#
            + #""capabilities":{"elicitation":{}},"clientInfo":{"name":"test","version":"1"}}}"#
    }

    /// Begins a session.
    func begin(_ version: String = "2025-11-25") async throws -> String {
        let answer = try await post(Self.initializeBody(version))
        let session = try #require(answer.headers.first(name: "mcp-session-id"))
        let initialized = try await post(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, session: session)
        #expect(initialized.status == 202)
        return session
    }
}

/// Waits until something is so; a test that waits in vain fails by its time limit.
func eventually(_ what: String = "", _ condition: @Sendable () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        try #require(ContinuousClock.now < limit, "not within a minute: \(what)")
        try await Task.sleep(for: .milliseconds(5))
    }
}
