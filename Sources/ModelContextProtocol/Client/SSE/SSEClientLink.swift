// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import Values

/// A client's way to a server that speaks HTTP with server-sent events, the transport of revision 2024-11-05, given up since.
///
/// One GET stays open for the whole session: its first event says where to POST messages to, and all that the server says comes on it.
/// There is no going on with a stream: when it ends, the session is over.
final class SSEClientLink: ClientLink {
    private let core: ClientCore
    /// What requests are sent with; its address is that of the stream.
    private let http: HTTPClientLink
    /// Where messages go.
    private let endpoint: HTTPAddress
    private let stream = TaskSlot()
    private let deadlines: RequestWatch

    private init(_ http: HTTPClientLink, core: ClientCore, endpoint: HTTPAddress) {
        self.http = http
        self.core = core
        self.endpoint = endpoint
        deadlines = RequestWatch(core, server: "\(http.address)")
    }

    /// Opens the stream, and waits until the server has said where messages go.
    ///
    /// - Throws: when there is no such stream, and when the server sends its clients elsewhere.
    static func open(_ http: HTTPClientLink, core: ClientCore) async throws(MCPClientError) -> SSEClientLink {
        let deadline = NIODeadline.now() + TimeAmount(core.limits.connectTimeout)
        var headers = http.headers
        headers.remove(name: "content-type")
        headers.replaceOrAdd(name: "accept", value: "text/event-stream")
        let response = try await http.execute(
            HTTPClientRequest(method: .GET, address: http.address, headers: headers), deadline: deadline)
        guard response.status == .ok else { throw await http.failure(of: response, for: nil) }
        guard response.headers.isEventStream else {
            response.body.cancel()
            throw .transport("\(http.address) answers GET with what is no stream of events; check the server's address")
        }
        response.body.setDeadline(deadline)
        var events = EventSource(response, maxEvent: core.limits.maxMessageBytes, address: http.address)
        guard let first = try await events.next() else {
            throw .transport("\(http.address) ended its stream before it said where messages go; see the server's log")
        }
        guard first.event?.hasSameBytes(as: "endpoint") == true else {
            throw .transport(
                "\(http.address) began its stream with another event than \"endpoint\"; check the server's address")
        }
        let endpoint = try http.address.endpoint(String(buffer: first.data))
        response.body.setDeadline(nil)
        let link = SSEClientLink(http, core: core, endpoint: endpoint)
        core.tasks.start(on: core.executor, link.stream) { [events] in await link.read(events) }
        return link
    }

    /// Opens the stream for a session that is to begin; leaves nothing behind when it cannot.
    static func begin(_ http: HTTPClientLink, core: ClientCore) async throws(MCPClientError) -> SSEClientLink {
        do throws(MCPClientError) {
            return try await open(http, core: core)
        } catch {
            await core.close("the session did not begin")
            throw error
        }
    }

    /// The way to a server that has refused `initialize` as one does that speaks the older transport alone
    /// (MCP 2025-03-26, Backwards Compatibility); nil when it speaks that neither, or another was asked for.
    static func fallback(from link: any ClientLink, core: ClientCore) async -> SSEClientLink? {
        guard let http = link as? HTTPClientLink, http.mayBeOlder else { return nil }
        do throws(MCPClientError) {
            let older = try await open(http, core: core)
            core.use(older)
            return older
        } catch {
            core.logger.debug(
                "an MCP server that refused initialize has no older transport either",
                metadata: ["server": "\(http.address)", "error": "\(error)"])
            return nil
        }
    }

    var keepsState: Bool { true }

    func agreed(on revision: ProtocolRevision?) {}

    var cancelsByClosing: Bool { false }

    func begin() {}

    // MARK: Sending

    func exchange(
        _ request: ClientRequest, _ method: String, _ params: Document?
    ) async throws(MCPClientError) -> Document {
        let message = JSONRPCMessage.request(id: .integer(request.id), method: method, params: params)
        deadlines.watch(request.deadline)
        try await post(message, further: request.options.headers, deadline: request.deadline)
        return try await request.answer()
    }

    func send(_ message: JSONRPCMessage) async throws(MCPClientError) {
        try await post(message, deadline: .now() + TimeAmount(core.limits.sendTimeout))
    }

    private func post(
        _ message: JSONRPCMessage, further: [(name: String, value: String)] = [], deadline: NIODeadline
    ) async throws(MCPClientError) {
        var headers = http.headers
        for (name, value) in further { headers.replaceOrAdd(name: name, value: value) }
        let response = try await http.execute(
            HTTPClientRequest(
                method: .POST, address: endpoint, headers: headers, body: ByteBuffer(bytes: message.encoded())),
            deadline: deadline)
        guard (200..<300).contains(response.status.code) else {
            guard response.status == .notFound else { throw await http.failure(of: response, for: nil) }
            response.body.cancel()
            let error = MCPClientError.sessionLost(
                "\(endpoint) answered 404: the server no longer knows the session; begin a new one")
            core.ended(error.description, error)
            throw error
        }
        // Reading the body to its end keeps the connection.
        _ = try? await response.collect(upTo: 64 << 10)
    }

    // MARK: Receiving

    private func read(_ events: EventSource) async {
        var events = events
        let reason: String
        do throws(MCPClientError) {
            while let event = try await events.next() {
                guard event.data.readableBytes > 0, event.event ?? "message" == "message" else { continue }
                core.take(JSONRPCInput(decoding: Array(buffer: event.data)), from: "\(http.address)")
                await core.notifications.waitForRoom()
            }
            reason = "\(http.address) has ended its stream; see the server's log, and begin a new session"
        } catch {
            guard error != .cancelled else { return }
            reason = error.description
        }
        core.ended(reason)
    }

    // MARK: End

    func close() async {
        // The end of its stream tells the server.
        stream.cancel()
        deadlines.stop()
    }
}

/// The events of an answer, one after the other.
private struct EventSource {
    private let response: HTTPClientResponse
    private let address: HTTPAddress
    private var decoder: ServerSentEventDecoder

    init(_ response: HTTPClientResponse, maxEvent: Int, address: HTTPAddress) {
        self.response = response
        self.address = address
        decoder = ServerSentEventDecoder(maxEventSize: maxEvent + 1_024)
    }

    /// The next event; nil at the end of the stream.
    mutating func next() async throws(MCPClientError) -> ServerSentEvent? {
        while true {
            do throws(ServerSentEventError) {
                if let event = try decoder.next() { return event }
            } catch {
                response.body.cancel()
                throw .transport("\(address) sent events that cannot be read: \(error.message)")
            }
            do throws(HTTPClientError) {
                guard let piece = try await response.body.next() else { return nil }
                decoder.feed(piece)
            } catch {
                throw MCPClientError(error, address)
            }
        }
    }
}
