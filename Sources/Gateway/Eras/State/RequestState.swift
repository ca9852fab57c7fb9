// SPDX-License-Identifier: Apache-2.0

import Values

/// What a client without a session brings back when it sends a request again with the input that was asked for.
enum RequestState: Sendable, Equatable {
    /// A call is under way at an upstream that knows sessions, and waits here for the client's answers.
    ///
    /// - Parameters:
    ///   - id: Which call.
    ///   - round: How often the client was asked; a state is good for the last time alone.
    case held(id: String, round: Int)
    /// The upstream keeps nothing either, and gave a state of its own.
    case upstream(name: String, state: String)

    /// As JSON.
    var value: Value {
        switch self {
        case .held(let id, let round): ["call": .string(id), "round": .int(Int64(round))]
        case .upstream(let name, let state): ["server": .string(name), "state": .string(state)]
        }
    }

    /// Reads what ``value`` has written; nil for anything else.
    init?(_ value: Value) {
        if let id = value["call"]?.stringValue, let round = value["round"]?.intValue {
            self = .held(id: id, round: Int(round))
        } else if let name = value["server"]?.stringValue, let state = value["state"]?.stringValue {
            self = .upstream(name: name, state: state)
        } else {
            return nil
        }
    }
}
