// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import Values

/// The answer to a request of revision 2026-07-28: a JSON body whose status tells of errors, or a stream of events as soon as
/// something comes before the result, or nothing for long.
final class ModernHTTPAnswer: CallOutlet {
    private enum Form {
        case undecided
        case events(HTTPResponseStream, heartbeat: RepeatedTask)
        case done
    }

    private struct State {
        var form = Form.undecided
        var headers: HTTPHeaders = [:]
        /// The status of an error that is the whole answer, in place of the one that its code has.
        var errorStatus: HTTPResponseStatus?
        /// How many turns of ``SilentAnswers`` have ended while nothing was said.
        var silentTurns = 0
    }

    private let exchange: HTTPExchange
    private let forms: AcceptedForms
    private let heartbeat: TimeAmount
    private let state = Mutex(State())

    /// Makes the answer.
    ///
    /// - Parameters:
    ///   - forms: what the client accepts; one at least.
    ///   - heartbeat: how often a comment goes out on a stream, so that nobody on the way takes it for dead.
    init(_ exchange: HTTPExchange, forms: AcceptedForms, heartbeat: Duration) {
        self.exchange = exchange
        self.forms = forms
        self.heartbeat = TimeAmount(heartbeat)
    }

    deinit {
        if case .events(_, let heartbeat) = state.withLock({ $0.form }) { heartbeat.cancel() }
    }

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
            return Self.write(bytes, to: stream)
        }
    }

    func answer(_ id: JSONRPCID, _ result: Result<Document, JSONRPCError>) {
        let response = JSONRPCMessage.response(id: id, result).encoded()
        state.withLock { state in
            var status = HTTPResponseStatus.ok
            if case .failure(let error) = result { status = state.errorStatus ?? error.modernStatus }
            switch state.form {
            case .undecided where forms.json || status != .ok:
                state.form = .done
                var headers = state.headers
                headers.add(name: "content-type", value: "application/json")
                exchange.send(
                    HTTPServerResponse(status: status, headers: headers, body: ByteBuffer(bytes: response)))
            case .undecided, .events:
                guard let stream = openStream(&state) else { return }
                Self.write(response, to: stream)
                end(stream, &state)
            case .done: break
            }
        }
    }

    func abandon(_ id: JSONRPCID) {
        state.withLock { state in
            switch state.form {
            case .undecided:
                state.form = .done
                exchange.send(HTTPServerResponse(status: .noContent, headers: state.headers))
            case .events(let stream, _): end(stream, &state)
            case .done: break
            }
        }
    }

    /// Begins the stream, with a comment, when nothing was said for more than one turn of ``SilentAnswers``.
    ///
    /// From then on the status is 200, whatever the answer will be.
    func noteTurn() {
        state.withLock { state in
            guard case .undecided = state.form, forms.events else { return }
            state.silentTurns += 1
            guard state.silentTurns > 1, let stream = openStream(&state) else { return }
            // A client that is gone is noticed by whoever watches the connection.
            try? stream.writeNow(ServerSentEvent.comment)
        }
    }

    private func openStream(_ state: inout State) -> HTTPResponseStream? {
        switch state.form {
        case .events(let stream, _): return stream
        case .done: return nil
        case .undecided: break
        }
        var headers = state.headers
        headers.add(contentsOf: EventStream.headers)
        let stream = exchange.stream(status: .ok, headers: headers)
        let heartbeat = exchange.eventLoop.scheduleRepeatedTask(initialDelay: heartbeat, delay: heartbeat) { task in
            do throws(HTTPStreamError) { try stream.writeNow(ServerSentEvent.comment) } catch { task.cancel() }
        }
        state.form = .events(stream, heartbeat: heartbeat)
        return stream
    }

    private func end(_ stream: HTTPResponseStream, _ state: inout State) {
        if case .events(_, let heartbeat) = state.form { heartbeat.cancel() }
        stream.finish()
        state.form = .done
    }

    @discardableResult
    private static func write(_ message: [UInt8], to stream: HTTPResponseStream) -> Bool {
        do throws(HTTPStreamError) {
            try stream.writeNow(EventStream.event(message))
            return true
        } catch {
            // The client is gone, or leaves too much unread, which has ended its stream.
            return false
        }
    }
}

extension JSONRPCError {
    /// The HTTP status of an answer that is this error (MCP 2026-07-28, Transports).
    var modernStatus: HTTPResponseStatus {
        switch code {
        case Self.methodNotFoundCode: .notFound
        case Self.parseErrorCode, Self.invalidRequestCode, Self.invalidParamsCode, Self.headerMismatchCode,
            Self.missingCapabilityCode, Self.unsupportedProtocolVersionCode:
            .badRequest
        default: .ok
        }
    }
}
