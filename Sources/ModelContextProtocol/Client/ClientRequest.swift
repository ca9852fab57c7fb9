// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization
internal import Values

/// A request of the client that waits for its answer.
final class ClientRequest: Sendable {
    /// Our id, which is its progress token as well.
    let id: Int64
    /// The progress token of whoever asks.
    let progressToken: Value?
    let options: MCPRequestOptions
    private let hardDeadline: NIODeadline
    private let state: Mutex<State>

    private struct State {
        var deadline: NIODeadline
        /// How many requests of the server are being answered, for which it waits.
        var answering = 0
        var onDeadlineChange: (@Sendable (NIODeadline) -> Void)?
        // Here, because an object of its own would look for its generic type at the end of each request.
        var outcome = OutcomeState<Result<Document, MCPClientError>>()
    }

    init(id: Int64, progressToken: Value?, options: MCPRequestOptions) {
        self.id = id
        self.progressToken = progressToken
        self.options = options
        let now = NIODeadline.now()
        let first = now + TimeAmount(options.timeout)
        hardDeadline = options.progressTimeout.map { max(first, now + TimeAmount($0)) } ?? first
        state = Mutex(State(deadline: first))
    }

    /// Until when the answer must be there, as things are.
    var deadline: NIODeadline {
        state.withLock { $0.answering > 0 ? min(hardDeadline, .now() + TimeAmount(options.timeout)) : $0.deadline }
    }

    /// Calls a closure with the deadline now, and whenever it changes.
    func whenDeadlineChanges(_ action: @escaping @Sendable (NIODeadline) -> Void) {
        let deadline = state.withLock { state in
            state.onDeadlineChange = action
            return state.answering > 0 ? hardDeadline : state.deadline
        }
        action(deadline)
    }

    /// Gives the answer, for links that read answers elsewhere than in the request's own task; the first counts.
    func give(_ answer: Result<Document, MCPClientError>) {
        state.withLock { $0.outcome.give(answer) }.waiting?.resume(returning: answer)
    }

    /// Waits for the answer that ``give(_:)`` brings; to be called once.
    func answer() async throws(MCPClientError) -> Document {
        let answer = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if let answer = state.withLock({ $0.outcome.wait(continuation) }) {
                    continuation.resume(returning: answer)
                }
            }
        } onCancel: {
            give(.failure(.cancelled))
        }
        return try answer.get()
    }

    /// The request is over: what comes for it later changes nothing any more.
    func end() {
        state.withLock { $0.onDeadlineChange = nil }
    }

    /// Takes a notification that belongs to this request; false when nobody here wants it.
    func take(_ method: String, _ params: Document?) -> Bool {
        var params = params
        if options.opensStream, method.hasSameBytes(as: MCPMethod.acknowledged) {
            move(to: .distantFuture)
        } else if method.hasSameBytes(as: MCPMethod.progress) {
            setClockBack()
            if let progressToken { params = params?.setting("progressToken", to: Document(progressToken)) }
        }
        guard let onNotification = options.onNotification else { return false }
        onNotification(method, params)
        return true
    }

    // MARK: Questions of the server

    /// A request of the server is being answered: the server waits, and is not silent.
    func answeringBegins() {
        guard options.progressTimeout != nil else { return }
        let action = state.withLock { state in
            state.answering += 1
            return state.onDeadlineChange
        }
        action?(hardDeadline)
    }

    /// The server has got its answer.
    func answeringEnds() {
        guard options.progressTimeout != nil else { return }
        let next = min(hardDeadline, .now() + TimeAmount(options.timeout))
        let action = state.withLock { state -> (@Sendable (NIODeadline) -> Void)? in
            state.answering -= 1
            state.deadline = next
            return state.answering == 0 ? state.onDeadlineChange : nil
        }
        action?(next)
    }

    private func setClockBack() {
        guard options.progressTimeout != nil else { return }
        move(to: min(hardDeadline, .now() + TimeAmount(options.timeout)))
    }

    private func move(to next: NIODeadline) {
        let action = state.withLock { state in
            guard next > state.deadline, state.answering == 0 else { return nil as (@Sendable (NIODeadline) -> Void)? }
            state.deadline = next
            return state.onDeadlineChange
        }
        action?(next)
    }
}
