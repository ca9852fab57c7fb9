// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import Values

/// The answer to a POST with requests: a JSON body, or a stream of events as soon as something comes before the result.
final class HTTPAnswer: CallOutlet {
    private enum Form {
        case undecided
        /// The responses of a batch so far.
        case collecting([[UInt8]])
        case events(AnswerStream)
        case done
    }

    private struct State {
        var form: Form
        var pending: Int
        /// Whether one of the requests has its response.
        var isAnswered = false
        var headers: HTTPHeaders = [:]
        /// The status of an error that is the whole answer.
        var errorStatus = HTTPResponseStatus.ok
    }

    private let exchange: HTTPExchange
    private let forms: AcceptedForms
    private let session: MCPServerSession?
    private let state: Mutex<State>

    /// Makes the answer to a POST.
    ///
    /// - Parameters:
    ///   - forms: what the client accepts; one at least.
    ///   - requests: how many requests the POST holds.
    ///   - isBatch: whether they came in an array, and leave in one.
    ///   - session: that in which a client can go on with a stream; nil when there is none.
    init(
        _ exchange: HTTPExchange, forms: AcceptedForms, requests: Int, isBatch: Bool, session: MCPServerSession? = nil
    ) {
        self.exchange = exchange
        self.forms = forms
        self.session = session
        state = Mutex(State(form: isBatch ? .collecting([]) : .undecided, pending: requests))
    }

    /// Adds a header, before anything is sent.
    func setHeader(_ name: String, _ value: String) {
        state.withLock { $0.headers.replaceOrAdd(name: name, value: value) }
    }

    func setErrorStatus(_ status: Int) {
        state.withLock { $0.errorStatus = HTTPResponseStatus(statusCode: status) }
    }

    @discardableResult
    func send(_ message: JSONRPCMessage) -> Bool {
        guard forms.events else { return false }
        let bytes = message.encoded()
        return state.withLock { state in
            guard let stream = openStream(&state) else { return false }
            return stream.write(bytes)
        }
    }

    func answer(_ id: JSONRPCID, _ result: Result<Document, JSONRPCError>) {
        var isError = false
        if case .failure = result { isError = true }
        end(JSONRPCMessage.response(id: id, result).encoded(), isError: isError)
    }

    func abandon(_ id: JSONRPCID) {
        end(nil)
    }

    private func end(_ response: [UInt8]?, isError: Bool = false) {
        state.withLock { state in
            guard state.pending > 0 else { return }
            state.pending -= 1
            if response != nil { state.isAnswered = true }
            let status = isError ? state.errorStatus : .ok
            switch state.form {
            case .undecided where response != nil && (forms.json || status != .ok):
                if let response { sendBody(ByteBuffer(bytes: response), status, &state) }
            case .collecting(var responses) where forms.json:
                if let response { responses.append(response) }
                guard state.pending == 0 else {
                    state.form = .collecting(responses)
                    return
                }
                guard !responses.isEmpty else { break }
                sendBody(Self.array(responses), .ok, &state)
            case .undecided, .collecting, .events:
                // A call that was cancelled has no response: its stream just ends.
                guard forms.events else {
                    if state.pending == 0 { sendNothing(&state) }
                    return
                }
                guard let stream = openStream(&state, isResumable: response != nil || state.pending > 0) else { return }
                if let response { stream.write(response) }
                if state.pending == 0 {
                    stream.finish(isAnswered: state.isAnswered)
                    state.form = .done
                }
            case .done:
                break
            }
        }
    }

    private func openStream(_ state: inout State, isResumable: Bool = true) -> AnswerStream? {
        var early: [[UInt8]] = []
        switch state.form {
        case .events(let stream): return stream
        case .done: return nil
        case .undecided: break
        case .collecting(let responses): early = responses
        }
        var headers = state.headers
        headers.add(contentsOf: EventStream.headers)
        let stream = AnswerStream(
            exchange.stream(status: .ok, headers: headers), of: isResumable ? session : Optional<MCPServerSession>.none,
            budget: exchange.budget)
        state.form = .events(stream)
        for response in early { stream.write(response) }
        return stream
    }

    private func sendBody(_ body: ByteBuffer, _ status: HTTPResponseStatus, _ state: inout State) {
        state.form = .done
        var headers = state.headers
        headers.add(name: "content-type", value: "application/json")
        exchange.send(HTTPServerResponse(status: status, headers: headers, body: body))
    }

    private func sendNothing(_ state: inout State) {
        state.form = .done
        exchange.send(HTTPServerResponse(status: .noContent, headers: state.headers))
    }

    private static func array(_ responses: [[UInt8]]) -> ByteBuffer {
        var buffer = ByteBuffer(string: "[")
        for (position, response) in responses.enumerated() {
            if position > 0 { buffer.writeStaticString(",") }
            buffer.writeBytes(response)
        }
        buffer.writeStaticString("]")
        return buffer
    }
}
