// SPDX-License-Identifier: Apache-2.0

import Authentication
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("States that clients bring back")
struct RequestStateTests {
    static let params: Value = ["name": "a-ask", "arguments": ["x": 1, "y": ["z": 1.5, "t": "é"]]]
    static let states: [RequestState] = [
        .held(id: "abc", round: 3), .upstream(name: "a", state: "any\u{0}thing \"é\" 😀"),
        .upstream(name: "", state: ""),
    ]

    static func binding(
        principal: String? = "6:bearer0:0:5:alice", server: String? = nil, method: String = "tools/call",
        params: Value = params
    ) -> RequestBinding {
        RequestBinding(principal: principal, server: server, method: method, params: params)
    }

    @Test("What was sealed comes out as it went in, and two seals of one state differ", arguments: states)
    func roundTrip(_ state: RequestState) throws {
        let seal = RequestStateSeal(key: .random, lifetime: .seconds(300))
        let texts = (0..<2).map { _ in seal.seal(state, for: Self.binding()) }
        #expect(texts[0] != texts[1])
        for text in texts { #expect(try seal.open(text, for: Self.binding()) == state) }
    }

    @Test("The order of members, and what differs from round to round, is no part of what a state is bound to")
    func sameRequest() {
        let again: Value = [
            "_meta": ["progressToken": 9], "arguments": ["y": ["t": "é", "z": 1.5], "x": 1], "name": "a-ask",
            "inputResponses": ["q": [:]], "requestState": "s",
        ]
        #expect(Self.binding(params: again) == Self.binding())
    }

    @Test("A state is refused for another principal, server, method, name or argument")
    func otherRequest() {
        let seal = RequestStateSeal(key: .random, lifetime: .seconds(300))
        let text = seal.seal(Self.states[0], for: Self.binding())
        let others = [
            Self.binding(principal: nil), Self.binding(principal: "6:bearer0:0:5:alicf"), Self.binding(server: ""),
            Self.binding(server: "other"), Self.binding(method: "prompts/get"),
            Self.binding(params: ["name": "a-other", "arguments": ["x": 1, "y": ["z": 1.5, "t": "é"]]]),
            Self.binding(params: ["name": "a-ask"]), Self.binding(params: ["name": "a-ask", "arguments": [:]]),
            Self.binding(params: ["name": "a-ask", "arguments": ["x": "1", "y": ["z": 1.5, "t": "é"]]]),
            Self.binding(params: ["name": "a-ask", "arguments": ["x": 1.0, "y": ["z": 1.5, "t": "é"]]]),
            Self.binding(params: ["name": "a-ask", "arguments": ["x": 1, "y": ["z": 1.5, "t": "e\u{301}"]]]),
            Self.binding(params: ["name": "a-ask", "arguments": ["x": 1, "y": ["z": 1.5], "t": "é"]]),
            Self.binding(params: ["uri": "a-ask", "arguments": ["x": 1, "y": ["z": 1.5, "t": "é"]]]),
        ]
        for (number, other) in others.enumerated() {
            #expect(throws: RequestStateFault.notOurs, "\(number)") { try seal.open(text, for: other) }
        }
    }

    @Test("Changing, adding or leaving out any byte makes a state one that is refused")
    func altered() {
        let seal = RequestStateSeal(key: .random, lifetime: .seconds(300))
        let text = Array(seal.seal(Self.states[1], for: Self.binding()).utf8)
        for position in text.indices {
            var changed = text
            changed[position] = changed[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            Self.expectRefused(changed, by: seal)
            changed = text
            changed.remove(at: position)
            Self.expectRefused(changed, by: seal)
            Self.expectRefused(Array(text[..<position]), by: seal)
        }
        for more in ["A", "=", "AAAA", " ", "\n"] { Self.expectRefused(text + Array(more.utf8), by: seal) }
        Self.expectRefused(Array(String(repeating: "A", count: 1 << 20).utf8), by: seal)
    }

    private static func expectRefused(_ text: [UInt8], by seal: RequestStateSeal) {
        let opened = try? seal.open(String(decoding: text, as: UTF8.self), for: binding())
        #expect(opened == nil, "\(String(decoding: text, as: UTF8.self).prefix(300))")
    }

    @Test("A state of another key is refused; gateways that share a secret take each other's")
    func keys() throws {
        let text = RequestStateSeal(key: .random, lifetime: .seconds(300)).seal(Self.states[0], for: Self.binding())
        #expect(throws: RequestStateFault.notOurs) {
            try RequestStateSeal(key: .random, lifetime: .seconds(300)).open(text, for: Self.binding())
        }
        let secret = Array("a secret of thirty-two characters".utf8)
        let shared = RequestStateSeal(key: RequestStateKey(secret: secret), lifetime: .seconds(300))
            .seal(Self.states[0], for: Self.binding())
        let other = RequestStateSeal(key: RequestStateKey(secret: secret), lifetime: .seconds(300))
        #expect(try other.open(shared, for: Self.binding()) == Self.states[0])
        let wrong = RequestStateSeal(key: RequestStateKey(secret: secret.dropLast()), lifetime: .seconds(300))
        #expect(throws: RequestStateFault.notOurs) { try wrong.open(shared, for: Self.binding()) }
    }

    @Test("A state is good until its time is over, and not before it was made")
    func expiry() throws {
        let now = Now()
        let seal = RequestStateSeal(key: .random, lifetime: .seconds(300), clock: WallClock { now.seconds })
        let text = seal.seal(Self.states[0], for: Self.binding())
        for second: Int64 in [0, 299, -60] {
            now.seconds = 1_000_000 + second
            #expect(try seal.open(text, for: Self.binding()) == Self.states[0])
        }
        for second: Int64 in [300, 301, 1_000_000, -61] {
            now.seconds = 1_000_000 + second
            #expect(throws: RequestStateFault.expired) { try seal.open(text, for: Self.binding()) }
        }
    }

    private final class Now: Sendable {
        private let stored = Mutex<Int64>(1_000_000)
        var seconds: Int64 {
            get { stored.withLock { $0 } }
            set { stored.withLock { $0 = newValue } }
        }
    }
}
