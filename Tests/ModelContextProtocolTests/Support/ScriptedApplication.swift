// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization
import Values

/// A server for tests: what its methods do is said by their names, and what came is noted.
final class ScriptedApplication: MCPServerApplication {
    struct Noted {
        var notifications: [String] = []
        var startedWaits = 0
        var cancelledCalls = 0
        var endedSessions = 0
        var lateMessages = 0
        var sessions: [MCPServerSession] = []
    }

    let isStateless: Bool
    let noted = Mutex(Noted())
    /// Calls of `wait` hang until this is true.
    let gate = Gate()

    init(isStateless: Bool = false) {
        self.isStateless = isStateless
    }

    func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer {
        if parameters.clientInfo["name"] == "unwelcome" { throw .invalidRequest("not you") }
        noted.withLock { $0.sessions.append(session) }
        return InitializeAnswer(
            capabilities: ["tools": [:]], serverInfo: ["name": "scripted", "version": "1"], instructions: "none")
    }

    func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        switch call.method {
        case "echo": return Document(object: ["params": call.params?.value ?? nil])
        case "raw": return call.params ?? Document(object: [:])
        case "fail": throw JSONRPCError(code: 77, message: "as asked", data: ["x": 1])
        case "session": return Document(object: ["id": .string(call.session.id)])
        case "progress":
            for step in 1...3 {
                call.notify(
                    MCPMethod.progress,
                    Document(object: ["progressToken": call.progressToken ?? nil, "progress": .int(Int64(step))]))
            }
            return Document(object: ["done": true])
        case "steps":
            // One step at once, and the others once the gate is open.
            let steps = call.params?["steps"]?.intValue ?? 3
            for step in 1...steps {
                call.notify(
                    "notifications/x", Document(object: ["step": .int(step), "of": call.params?["name"] ?? nil]))
                guard step == 1 else { continue }
                noted.withLock { $0.startedWaits += 1 }
                try? await gate.wait()
            }
            let size = call.params?["size"]?.intValue ?? 0
            return Document(object: ["done": true, "text": .string(String(repeating: "x", count: Int(size)))])
        case "late":
            let token = call.progressToken ?? nil
            call.notify(MCPMethod.progress, Document(object: ["progressToken": token, "progress": 1]))
            // It does not know that it has answered.
            Task { [self, session = call.session] in
                while !session.isEnded, noted.withLock({ $0.lateMessages }) == 0 {
                    try await Task.sleep(for: .milliseconds(20))
                    call.notify(MCPMethod.progress, Document(object: ["progressToken": token, "progress": 2]))
                    noted.withLock { $0.lateMessages += 1 }
                }
            }
            return Document(object: [:])
        case "wait":
            noted.withLock { $0.startedWaits += 1 }
            do {
                try await gate.wait()
            } catch {
                noted.withLock { $0.cancelledCalls += 1 }
            }
            return Document(object: ["waited": true])
        case "ask":
            let answer = try await call.request("elicitation/create", Document(object: ["message": "?"]))
            return Document(object: ["answer": answer.value])
        default: throw .methodNotFound(call.method)
        }
    }

    func notification(_ method: String, _ params: Document?, from session: MCPServerSession) async {
        noted.withLock { $0.notifications.append(method) }
    }

    func sessionEnded(_ session: MCPServerSession) async {
        noted.withLock { $0.endedSessions += 1 }
    }
}

/// What tasks wait at until it opens, or until they are cancelled.
final class Gate: Sendable {
    private let isOpen = Mutex(false)

    func open() { isOpen.withLock { $0 = true } }

    func wait() async throws {
        while !isOpen.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    }
}
