// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Values

/// Where the messages of a call go over stdio: one on each line.
final class StdioOutlet: CallOutlet {
    private let lines: LineChannel

    init(_ lines: LineChannel) {
        self.lines = lines
    }

    @discardableResult
    func send(_ message: JSONRPCMessage) -> Bool {
        lines.send(message.encoded())
    }

    func answer(_ id: JSONRPCID, _ result: Result<Document, JSONRPCError>) {
        lines.send(JSONRPCMessage.response(id: id, result).encoded())
    }

    func abandon(_ id: JSONRPCID) {}
}

/// Where the messages of a batch go over stdio: its responses together on one line, all others on lines of their own.
final class StdioBatchOutlet: CallOutlet {
    private struct State {
        var pending: Int
        var responses: [[UInt8]] = []
    }

    private let lines: LineChannel
    private let state: Mutex<State>

    init(_ lines: LineChannel, pending: Int) {
        self.lines = lines
        state = Mutex(State(pending: pending))
    }

    @discardableResult
    func send(_ message: JSONRPCMessage) -> Bool {
        lines.send(message.encoded())
    }

    func answer(_ id: JSONRPCID, _ result: Result<Document, JSONRPCError>) {
        end(JSONRPCMessage.response(id: id, result).encoded())
    }

    func refuse(_ fault: JSONRPCFault) {
        end(fault.response.encoded())
    }

    func abandon(_ id: JSONRPCID) {
        end(nil)
    }

    private func end(_ response: [UInt8]?) {
        let responses = state.withLock { state -> [[UInt8]]? in
            state.pending -= 1
            if let response { state.responses.append(response) }
            return state.pending == 0 && !state.responses.isEmpty ? state.responses : nil
        }
        guard let responses else { return }
        lines.send([UInt8(ascii: "[")] + responses.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")])
    }
}
