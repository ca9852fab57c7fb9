// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import Synchronization
import Values

/// One call of a client of 2026-07-28 while an upstream of an earlier revision works on it, and may ask the client.
///
/// The upstream asks in the midst of its work, and waits; the client is answered with what is asked, and comes back with another
/// request. So the work runs in a task of its own, and the requests of the client take turns in waiting for it: each turn ends with
/// the result, or with questions. Between two turns the call is held, for a limited time. What the upstream says then has nobody
/// who would hear it, and is dropped.
final class HeldCall: MCPCallFront {
    typealias Work = @Sendable (MCPServerCall) async throws(JSONRPCError) -> Document

    /// How one request of the client ends.
    enum Turn: Sendable {
        /// The call has ended.
        case ended(Result<Document, JSONRPCError>)
        /// The client is to answer, and to come back.
        case asks([MCPInputRequired.Request], round: Int)
    }

    private struct Question {
        let request: MCPInputRequired.Request
        let answer: SharedResult<Document, JSONRPCError>
        /// Whether a client was given it.
        var isAsked = false
    }

    private struct State {
        /// The request that waits now.
        var waiting: (call: MCPServerCall, turn: SharedResult<Turn, Never>)?
        var questions: [Question] = []
        /// How many questions there were so far.
        var asked = 0
        /// How often the client was asked.
        var round = 0
        var result: Result<Document, JSONRPCError>?
        var task: Task<Void, Never>?
        var expiry: Scheduled<Void>?
        var isOver = false
    }

    /// An upstream that asks more than that in one call gets no answers.
    private static let maximumQuestions = 100
    /// Of a call that has ended while nobody waited, no longer result than that is kept, in bytes.
    private static let longestKept = 64 << 10

    /// What tells it from others; nobody can guess it.
    let id: String
    /// Whose it is.
    let owner: String?
    /// How many bytes the request has that it began with.
    let size: Int
    /// How long the client has for its answers.
    private let lifetime: Duration
    /// All of them; outlives each.
    private let all: HeldCalls
    private let state = Mutex(State())

    init(_ call: MCPServerCall, lifetime: Duration, among all: HeldCalls) {
        var random = SystemRandomNumberGenerator()
        id = [random.next(), random.next()].map { String($0, radix: 16) }.joined(separator: "-")
        owner = call.session.principal?.identity
        size = call.http?.request.body.readableBytes ?? 0
        self.lifetime = lifetime
        self.all = all
    }

    // MARK: Turns

    /// Begins the work, and waits for the end of the first turn.
    func begin(_ call: MCPServerCall, _ work: @escaping Work) async -> Turn {
        let turn = SharedResult<Turn, Never>()
        state.withLock { state in
            state.waiting = (call, turn)
            // Owned by this call: whoever ends it cancels it, and `all` waits for it.
            state.task = Task { [self] in
                let result: Result<Document, JSONRPCError>
                do throws(JSONRPCError) {
                    result = .success(try await work(call.fronted(by: self)))
                } catch {
                    result = .failure(error)
                }
                finish(result)
            }
        }
        return await wait(turn)
    }

    /// Takes what the client answers, and waits for the end of the next turn.
    ///
    /// - Parameter round: The round in which it was asked; only the last one counts.
    /// - Throws: when it cannot be continued so, or an answer is none; the call waits on in both cases.
    func resume(_ call: MCPServerCall, round: Int, answers: ValueObject) async throws(HeldCallRefusal) -> Turn {
        let (turn, given) = try take(call, round: round, answers: answers)
        for (question, answer) in given { question.give(.success(answer)) }
        return await wait(turn)
    }

    private typealias Answer = (SharedResult<Document, JSONRPCError>, Document)

    private func take(
        _ call: MCPServerCall, round: Int, answers: ValueObject
    ) throws(HeldCallRefusal) -> (SharedResult<Turn, Never>, [Answer]) {
        let taken = state.withLock { state -> Result<(SharedResult<Turn, Never>, [Answer]), HeldCallRefusal> in
            guard !state.isOver, state.waiting == nil, state.round == round else { return .failure(.gone) }
            var given: [Answer] = []
            var open: [Question] = []
            for question in state.questions {
                guard question.isAsked, let answer = answers[question.request.key] else {
                    open.append(question)
                    continue
                }
                if let fault = InputResponse.fault(in: answer, to: question.request) {
                    return .failure(.invalid("params.inputResponses.\(question.request.key) \(fault)"))
                }
                given.append((question.answer, Document(answer)))
            }
            state.expiry?.cancel()
            state.expiry = nil
            state.questions = open
            let turn = SharedResult<Turn, Never>()
            if let result = state.result {
                state.isOver = true
                turn.give(.success(.ended(result)))
            } else {
                state.waiting = (call, turn)
                // What was not answered, and what was asked meanwhile, is asked now.
                if !open.isEmpty { endTurn(&state) }
            }
            return .success((turn, given))
        }
        let result = try taken.get()
        if state.withLock({ $0.isOver }) { all.remove(self) }
        return result
    }

    private func wait(_ turn: SharedResult<Turn, Never>) async -> Turn {
        let ended = await turn.wait()
        // A client that closes its stream does not want the call any more (MCP 2026-07-28, Cancellation).
        guard !Task.isCancelled, let ended else {
            end(.internalError("the call was cancelled"))
            return .ended(.failure(.internalError("the call was cancelled")))
        }
        return ended.get()
    }

    /// Ends the turn with all questions that are open.
    private func endTurn(_ state: inout State) {
        guard let waiting = state.waiting else { return }
        state.waiting = nil
        state.round += 1
        for position in state.questions.indices { state.questions[position].isAsked = true }
        state.expiry = all.eventLoop.scheduleTask(in: TimeAmount(lifetime)) { [weak self] in
            self?.end(.internalError("the client has not answered in time"))
        }
        waiting.turn.give(.success(.asks(state.questions.map(\.request), round: state.round)))
    }

    // MARK: The end

    /// Notes the result, and gives it to whoever waits.
    private func finish(_ result: Result<Document, JSONRPCError>) {
        let (turn, isHeld) = state.withLock { state -> (SharedResult<Turn, Never>?, Bool) in
            state.task = nil
            guard !state.isOver else { return (nil, false) }
            guard let waiting = state.waiting else {
                // The upstream has ended without the answers. The client hears of it when it comes back.
                state.result = Self.kept(result)
                return (nil, true)
            }
            state.isOver = true
            state.waiting = nil
            return (waiting.turn, false)
        }
        // First, so that whoever has the answer finds its room free.
        all.hasEnded(self, isHeld: isHeld)
        turn?.give(.success(.ended(result)))
    }

    private static func kept(_ result: Result<Document, JSONRPCError>) -> Result<Document, JSONRPCError> {
        guard case .success(let document) = result, document.description.utf8.count > longestKept else { return result }
        return .failure(.internalError("the server has ended the call without the answers that it had asked for"))
    }

    /// Ends the call: the upstream is told, and no client can come back to it.
    func end(_ reason: JSONRPCError) {
        let ended = state.withLock { state -> (Task<Void, Never>?, [Question], SharedResult<Turn, Never>?)? in
            guard !state.isOver else { return nil }
            state.isOver = true
            state.expiry?.cancel()
            defer {
                state.questions = []
                state.waiting = nil
            }
            return (state.task, state.questions, state.waiting?.turn)
        }
        guard let (task, questions, turn) = ended else { return }
        all.remove(self)
        task?.cancel()
        for question in questions { question.answer.give(.failure(reason)) }
        turn?.give(.success(.ended(.failure(reason))))
    }

    /// Waits until the work has ended.
    func waitForWork() async { await state.withLock { $0.task }?.value }

    // MARK: MCPCallFront

    private var listener: MCPServerCall? { state.withLock { $0.waiting?.call } }

    func notify(_ method: String, _ params: Document?) {
        guard let listener else { return }
        guard method.hasSameBytes(as: MCPMethod.progress) else { return listener.notify(method, params) }
        // The request that waits now may have another token than the one before.
        guard let token = listener.progressToken else { return }
        listener.notify(method, params?.setting("progressToken", to: Document(token)))
    }

    func setHeader(_ name: String, _ value: String) { listener?.setHeader(name, value) }

    func setErrorStatus(_ status: Int) { listener?.setErrorStatus(status) }

    func request(_ method: String, _ params: Document?, timeout: Duration) async throws(JSONRPCError) -> Document {
        try all.admit(self)
        let answer = SharedResult<Document, JSONRPCError>()
        let refusal = state.withLock { state -> JSONRPCError? in
            guard !state.isOver else { return .internalError("the call is over") }
            guard state.asked < Self.maximumQuestions else {
                return .internalError(
                    "the client was asked \(Self.maximumQuestions) times in one call, and is not any more")
            }
            state.asked += 1
            state.questions.append(
                Question(request: .init(key: "q\(state.asked)", method: method, params: params), answer: answer))
            endTurn(&state)
            return nil
        }
        if let refusal { throw refusal }
        guard let result = await answer.wait() else { throw .internalError("the call that asked was cancelled") }
        return try result.get()
    }
}

/// Why a call that is held does not go on.
enum HeldCallRefusal: Error, Sendable {
    /// It is not held in this round, or by this gateway.
    case gone
    /// An answer is none; why.
    case invalid(String)
}
