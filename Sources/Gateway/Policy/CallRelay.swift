// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization
import Values

/// Hands on what an upstream says while it works on one call, to the client whose call it is.
///
/// Without plugins that look at results it goes on at once, on the thread that read it. With them it goes through their hook, one
/// after the other, in a task of the call, and before the call's answer.
final class CallRelay: Sendable {
    /// More than that waits for no plugin: what comes then is dropped.
    private static let maximumWaiting = 256

    private struct State {
        var waiting: [(method: String, params: Document?)] = []
        var isClosed = false
        var reader: SharedResult<Void, Never>?
    }

    private let call: MCPServerCall
    private let session: ClientSession
    private let filter: UtteranceFilter?
    private let answers: AnswerFilter?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - filter: What plugins think of what the upstream says; nil when none of them looks.
    ///   - answers: What plugins think of what the client answers; nil when none of them looks.
    init(_ call: MCPServerCall, session: ClientSession, filter: UtteranceFilter?, answers: AnswerFilter? = nil) {
        self.call = call
        self.session = session
        self.filter = filter
        self.answers = answers
    }

    /// The progress token of the client; looked for when there is something to hand on.
    private var token: Value? { call.progressToken }

    /// Whether ``run()`` has to run beside the call.
    var needsTask: Bool { filter != nil }

    /// Takes a notification of the upstream that belongs to the call; does not wait.
    func take(_ method: String, _ params: Document?) {
        if method.hasSameBytes(as: GatewayMethod.elicitationComplete) { return session.elicitationCompleted(params) }
        guard filter != nil else {
            if let params = plain(method, params) { call.notify(method, params) }
            return
        }
        let reader = state.withLock { state -> SharedResult<Void, Never>? in
            guard !state.isClosed, state.waiting.count < Self.maximumWaiting else { return nil }
            state.waiting.append((method, params))
            defer { state.reader = nil }
            return state.reader
        }
        reader?.give(.success(()))
    }

    /// What goes on as it is; nil for what the client did not ask for.
    private func plain(_ method: String, _ params: Document?) -> Document? {
        switch method {
        // The client core has put the client's own token back, exactly as it was.
        case MCPMethod.progress: token == nil ? nil : params
        case GatewayMethod.message: session.wants(params) ? params : nil
        default: nil
        }
    }

    // MARK: Through plugins

    /// Works off what was taken until ``close()``, and then what is left.
    func run() async {
        while true {
            let (next, reader) = state.withLock {
                state -> ((method: String, params: Document?)?, SharedResult<Void, Never>?) in
                if !state.waiting.isEmpty { return (state.waiting.removeFirst(), nil) }
                guard !state.isClosed else { return (nil, nil) }
                let reader = SharedResult<Void, Never>()
                state.reader = reader
                return (nil, reader)
            }
            if let next {
                await pass(next.method, next.params)
            } else if let reader {
                guard await reader.wait() != nil else { return }
            } else {
                return
            }
        }
    }

    /// Nothing more will come.
    func close() {
        let reader = state.withLock { state in
            state.isClosed = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.give(.success(()))
    }

    private func pass(_ method: String, _ params: Document?) async {
        guard let filter, let params, plain(method, params) != nil else { return }
        // What does not pass is dropped: a notification has nobody to tell why.
        guard
            let passed = try? await (method == MCPMethod.progress ? progress(params, filter) : message(params, filter))
        else { return }
        call.notify(method, passed)
    }

    /// Numbers, and the message as plugins leave it; nothing else.
    private func progress(_ params: Document, _ filter: UtteranceFilter) async throws(JSONRPCError) -> Document {
        var passed: ValueObject = ["progressToken": token ?? .null]
        for key in ["progress", "total"] {
            if let number = params[key], number.doubleValue != nil { passed[key] = number }
        }
        if let message = params["message"]?.stringValue { passed["message"] = .string(try await filter.pass(message)) }
        return Document(object: passed)
    }

    /// The level, and what was said as plugins leave it; nothing else.
    private func message(_ params: Document, _ filter: UtteranceFilter) async throws(JSONRPCError) -> Document {
        var said: ValueObject = [:]
        for key in ["logger", "data"] { said[key] = params[key] }
        var passed: ValueObject = ["level": params["level"] ?? .null]
        if said.count == 1, let data = said["data"] {
            passed["data"] = try await filter.pass(data)
        } else if case .object(let changed) = try await filter.pass(.object(said)) {
            for member in changed where said.contains(member.key) { passed[member.key] = member.value }
        }
        return Document(object: passed)
    }

    // MARK: Questions

    /// Asks the client what the upstream wants to know, if it can answer.
    func ask(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
        let abilities = ClientAbilities(capabilities: call.session.clientCapabilities)
        if let refusal = abilities.refusal(of: method, params) { throw refusal }
        var params = params
        if let filter, let asked = params { params = Document(try await filter.pass(asked.value)) }
        let answer = try await call.request(method, params)
        guard let answers else { return answer }
        return try await answers.pass(answer)
    }
}
