// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import Values

/// A client's way to a server over streamable HTTP.
///
/// Each request is a POST, answered by JSON or by a stream of events; one GET stream brings what belongs to no request.
final class HTTPClientLink: ClientLink {
    let core: ClientCore
    let httpClient: HTTPClient
    let address: HTTPAddress
    private let settings: MCPHTTPClientSettings
    private let state: Mutex<State>
    private let streamSlot = TaskSlot()

    private struct State {
        let origin: HTTPOrigin
        var headers: HTTPHeaders {
            didSet {
                block = try? HTTPFieldBlock(headers, for: origin)
                methodBlocks = []
            }
        }
        /// The same, written down; nil when they cannot be sent, which the first request tells.
        private(set) var block: HTTPFieldBlock?
        /// The same with the header that names a method (revision 2026-07-28), for the methods that were asked last.
        private var methodBlocks: [(method: String, block: HTTPFieldBlock)] = []
        var sessionID: String?
        /// Whether `initialize` was refused with 400, 404 or 405.
        var isRefused = false
        /// Whether there is no session, and each request says itself what it needs.
        var isModern = false

        init(headers: HTTPHeaders, origin: HTTPOrigin) {
            self.origin = origin
            self.headers = headers
            block = try? HTTPFieldBlock(headers, for: origin)
        }

        /// The headers of a request that says in one of them what its method is.
        mutating func block(naming method: String) -> HTTPFieldBlock? {
            for known in methodBlocks where known.method.hasSameBytes(as: method) { return known.block }
            var headers = headers
            headers.replaceOrAdd(name: HTTPClientLink.methodHeader, value: HeaderValue.encode(method))
            guard let block = try? HTTPFieldBlock(headers, for: origin) else { return nil }
            // Servers are asked for a few methods all the time.
            if methodBlocks.count >= 8 { methodBlocks.removeFirst() }
            methodBlocks.append((method, block))
            return block
        }
    }

    init(_ settings: MCPHTTPClientSettings, httpClient: HTTPClient, core: ClientCore) throws(MCPClientError) {
        do throws(HTTPAddressError) {
            address = try HTTPAddress(settings.url, unixSocket: settings.unixSocket)
        } catch {
            throw .transport(error.message)
        }
        self.settings = settings
        self.httpClient = httpClient
        self.core = core
        var headers: HTTPHeaders = [
            "accept": "application/json, text/event-stream", "content-type": "application/json",
        ]
        for (name, value) in settings.headers { headers.replaceOrAdd(name: name, value: value) }
        state = Mutex(State(headers: headers, origin: address.origin))
    }

    /// The headers of a request; those of the session among them.
    var headers: HTTPHeaders { state.withLock { $0.headers } }

    private var hasSession: Bool { state.withLock { $0.sessionID != nil } }

    var keepsState: Bool { hasSession }

    /// Whether the server may be one that speaks the transport of 2024-11-05 alone.
    var mayBeOlder: Bool { settings.transport == .any && state.withLock { $0.isRefused } }

    /// Whether requests stand alone (revision 2026-07-28).
    var isModern: Bool { state.withLock { $0.isModern } }

    var cancelsByClosing: Bool { isModern }

    func agreed(on revision: ProtocolRevision?) {
        state.withLock { state in
            state.isModern = revision?.era == .modern
            if let revision, revision.hasVersionHeader {
                state.headers.replaceOrAdd(name: "mcp-protocol-version", value: revision.name)
            } else {
                state.headers.remove(name: "mcp-protocol-version")
            }
        }
    }

    func begin() {
        guard settings.opensStream else { return }
        core.tasks.start(on: core.executor, streamSlot) { await self.runStream() }
    }

    // MARK: Requests

    func exchange(
        _ request: ClientRequest, _ method: String, _ params: Document?
    ) async throws(MCPClientError) -> Document {
        let body = JSONRPCMessage.request(id: .integer(request.id), method: method, params: params).encoded()
        let post =
            isModern ? modernPost(body, method, params, request.options.headers) : post(body, request.options.headers)
        let response = try await execute(post, deadline: request.deadline)
        if method.hasSameBytes(as: MCPMethod.initialize) {
            keepSession(response.headers)
            let isRefused = [400, 404, 405].contains(response.status.code)
            state.withLock { $0.isRefused = isRefused }
        }
        guard response.status.code == 200 else {
            let error = await failure(of: response, for: request)
            throw method.hasSameBytes(as: MCPMethod.discover) ? Self.refusal(error, response) : error
        }
        if response.headers.isEventStream {
            request.whenDeadlineChanges { response.body.setDeadline($0 == .distantFuture ? nil : $0) }
            return try await readAnswer(to: request, response)
        }
        let bytes = try await collect(response)
        switch JSONRPCMessage.decode(bytes) {
        case .success(.response(let id, let result)) where id == .integer(request.id):
            return try Self.result(result)
        case .success:
            throw .transport("\(address) answered with JSON that is no answer to the request")
        case .failure(let fault):
            throw .transport("\(address) answered with what is no JSON-RPC message: \(fault.error.message)")
        }
    }

    static func result(_ result: Result<Document, JSONRPCError>) throws(MCPClientError) -> Document {
        switch result {
        case .success(let document): return document
        case .failure(let error): throw .rpc(error)
        }
    }

    func send(_ message: JSONRPCMessage) async throws(MCPClientError) {
        let deadline = NIODeadline.now() + TimeAmount(core.limits.sendTimeout)
        let response = try await execute(post(message.encoded(), []), deadline: deadline)
        guard response.status.code == 202 || response.status.code == 200 || response.status.code == 204 else {
            throw await failure(of: response, for: nil)
        }
        // Reading the body to its end keeps the connection.
        _ = try await collect(response)
    }

    private func post(_ body: [UInt8], _ further: [(name: String, value: String)]) -> HTTPClientRequest {
        let (block, headers) = state.withLock { ($0.block, $0.block == nil ? $0.headers : [:]) }
        var request = HTTPClientRequest(
            method: .POST, address: address, block: block, headers: headers, body: ByteBuffer(bytes: body))
        for (name, value) in further { request.setHeader(name, value) }
        return request
    }

    /// Headers that repeat what the body says (MCP 2026-07-28, Transports) are among those of the request; nobody else's take their place.
    private func modernPost(
        _ body: [UInt8], _ method: String, _ params: Document?, _ further: [(name: String, value: String)]
    ) -> HTTPClientRequest {
        guard let block = state.withLock({ $0.block(naming: method) }) else {
            var request = post(body, further)
            request.setHeader(Self.methodHeader, HeaderValue.encode(method))
            if let name = Self.name(method, params) { request.setHeader(Self.nameHeader, HeaderValue.encode(name)) }
            return request
        }
        var request = HTTPClientRequest(
            method: .POST, address: address, block: block, body: ByteBuffer(bytes: body))
        for (name, value) in further where !Self.isMethodHeader(name) { request.setHeader(name, value) }
        if let name = Self.name(method, params) { request.setHeader(Self.nameHeader, HeaderValue.encode(name)) }
        return request
    }

    /// Sends a request; again with other credentials if the server does not take those that it came with.
    func execute(
        _ request: HTTPClientRequest, deadline: NIODeadline
    ) async throws(MCPClientError) -> HTTPClientResponse {
        guard let authorization = settings.authorization else { return try await send(request, deadline: deadline) }
        var request = request
        let value = try await authorization.current()
        request.setHeader("authorization", value)
        let response = try await send(request, deadline: deadline)
        guard response.status == .unauthorized else { return response }
        authorization.reject(value)
        let other = try await authorization.current()
        guard !other.hasSameBytes(as: value) else { return response }
        // A server that does not let a request in has not begun with it.
        response.body.cancel()
        request.setHeader("authorization", other)
        return try await send(request, deadline: deadline)
    }

    private func send(
        _ request: HTTPClientRequest, deadline: NIODeadline
    ) async throws(MCPClientError) -> HTTPClientResponse {
        do throws(HTTPClientError) {
            return try await httpClient.execute(request, deadline: deadline)
        } catch {
            throw MCPClientError(error, address)
        }
    }

    private func collect(_ response: HTTPClientResponse) async throws(MCPClientError) -> [UInt8] {
        do throws(HTTPClientError) {
            return Array(buffer: try await response.collect(upTo: core.limits.maxMessageBytes))
        } catch {
            throw MCPClientError(error, address)
        }
    }

    private func keepSession(_ headers: HTTPHeaders) {
        // What is not visible ASCII is no session id (MCP, Transports), and must not go into a header.
        guard let id = headers.value("mcp-session-id"), id.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return
        }
        state.withLock { state in
            state.sessionID = id
            state.headers.replaceOrAdd(name: "mcp-session-id", value: id)
        }
    }

    /// What an answer with another status than 200 means.
    func failure(of response: HTTPClientResponse, for request: ClientRequest?) async -> MCPClientError {
        var text = ""
        if let body = try? await response.collect(upTo: 64 << 10) {
            if case .success(.response(let id, .failure(let error))) = JSONRPCMessage.decode(Array(buffer: body)) {
                if let request, id == .integer(request.id) { return .rpc(error) }
                text = error.message
            } else {
                text = String(decoding: body.readableBytesView.prefix(200), as: UTF8.self)
            }
        }
        let what = "\(address) answered \(response.status.code) \(response.status.reasonPhrase)"
        let reason = text.isEmpty ? what : "\(what): \(text)"
        guard response.status == .notFound, hasSession else {
            return .transport("\(reason); check the server's address and what it asks of its clients")
        }
        let error = MCPClientError.sessionLost("\(reason); the server no longer knows the session: begin a new one")
        core.ended(error.description, error)
        return error
    }

    // MARK: End

    func close() async {
        streamSlot.cancel()
        guard hasSession else { return }
        // A server that lets nobody end sessions answers 405: its own affair. One that does not answer is not waited for long.
        let request = HTTPClientRequest(method: .DELETE, address: address, headers: headers)
        guard let response = try? await execute(request, deadline: .now() + .seconds(2)) else { return }
        _ = try? await response.collect(upTo: 64 << 10)
    }
}

extension MCPClientError {
    /// What a failure of HTTP means for a request.
    init(_ error: HTTPClientError, _ address: HTTPAddress) {
        switch error.code {
        case .deadlineExceeded:
            self = .timeout("\(address) has not answered in time; see whether it is busy, or raise its time limit")
        case .cancelled: self = .cancelled
        default: self = .transport(error.message)
        }
    }
}
