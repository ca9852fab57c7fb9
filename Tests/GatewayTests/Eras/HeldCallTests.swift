// SPDX-License-Identifier: Apache-2.0

import Authentication
import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("Calls that wait for the answers of clients without sessions")
struct HeldCallTests {
    static let tokens = ["alice": "alice-token-0123456789", "bob": "bob-token-0123456789"]

    /// A client of 2026-07-28 that sees the questions as the results that they are.
    struct Raw: Sendable {
        let client: MCPClient

        init(_ gateway: TestGateway, _ user: String? = "alice", path: String = "/mcp") async throws {
            let headers = user.map { [("authorization", "Bearer \(tokens[$0] ?? "")")] } ?? []
            client = try await gateway.connect(
                path, headers: headers, capabilities: Answering.capabilities, mode: .modern)
        }

        func call(
            _ params: Value, state: Value? = nil, responses: Value? = nil, method: String = "tools/call"
        ) async throws(MCPClientError) -> Document {
            var params = params.objectValue ?? [:]
            if let state { params["requestState"] = state }
            if let responses { params["inputResponses"] = responses }
            var options = MCPRequestOptions()
            options.inputRequired = .returned
            return try await client.request(method, Document(object: params), options: options)
        }
    }

    static let call: Value = ["name": "a-ask", "arguments": ["count": "2"]]
    static let answer: Value = ["action": "accept", "content": ["answer": "yes"]]

    private func with(
        _ upstream: TestUpstream, adjusting adjust: @escaping @Sendable (inout GatewaySettings) -> Void = { _ in },
        _ body: @Sendable (TestGateway) async throws -> Void
    ) async throws {
        try await TestGateway.with(
            [("a", upstream)],
            adjusting: { settings in
                for (user, token) in Self.tokens.sorted(by: { $0.key < $1.key }) {
                    var entry = GatewayToken(token: token)
                    entry.user = .string("\(user)@example.com")
                    settings.tokens.append(entry)
                }
                settings.servers = [VirtualServerSettings(id: "other")]
                adjust(&settings)
            }, body)
    }

    @Test(
        "A held call goes on with the answers, and ends with its result",
        arguments: EraPairing.all.filter { $0.client == .modern })
    func goesOn(_ pairing: EraPairing) async throws {
        try await with(TestUpstream.asking(pairing.upstream)) { (gateway) async throws in
            let alice = try await Raw(gateway)
            var result = try await alice.call(Self.call)
            var states: [Value] = []
            for number in 1...2 {
                let asked = try #require(try MCPInputRequired(result))
                #expect(asked.requests.count == 1)
                #expect(asked.requests[0].params?["message"] == .string("question \(number)"))
                let state = try #require(asked.state)
                states.append(.string(state))
                result = try await alice.call(
                    Self.call, state: .string(state), responses: [asked.requests[0].key: Self.answer])
            }
            #expect(result["resultType"] == "complete")
            #expect(result.value.onlyText == "[\(Self.answer),\(Self.answer)]")
            #expect(states[0] != states[1])
        }
    }

    @Test(
        "A state is refused that was altered, made up, or is another's; the call that it stands for goes on for its owner"
    )
    func attacks() async throws {
        for era in [ProtocolEra.handshake, .modern] {
            try await with(TestUpstream.asking(era)) { (gateway) async throws in
                let alice = try await Raw(gateway)
                let first = try #require(try MCPInputRequired(try await alice.call(Self.call)))
                let state = try #require(first.state)
                let responses: Value = [first.requests[0].key: Self.answer]
                let other: Value = ["name": "a-ask", "arguments": ["count": "3"]]
                var altered = Array(state.utf8)
                altered[altered.count / 2] ^= 1
                let bob = try await Raw(gateway, "bob")
                let elsewhere = try await Raw(gateway, path: "/servers/other/mcp")
                let attempts: [(Raw, Value, Value, String)] = [
                    (bob, Self.call, .string(state), "another principal"),
                    (elsewhere, Self.call, .string(state), "another virtual server"),
                    (alice, other, .string(state), "other arguments"),
                    (alice, ["name": "a-echo", "arguments": ["count": "2"]], .string(state), "another tool"),
                    (alice, Self.call, .string(String(decoding: altered, as: UTF8.self)), "altered"),
                    (alice, Self.call, .string(String(state.dropLast(4))), "truncated"),
                    (alice, Self.call, .string(""), "empty"), (alice, Self.call, 7, "no text"),
                    (
                        alice, Self.call,
                        .string(
                            RequestStateSeal(key: .random, lifetime: .seconds(300)).seal(
                                .held(id: "1", round: 1),
                                for: RequestBinding(
                                    principal: nil, server: nil, method: "tools/call", params: Self.call))),
                        "another key"
                    ),
                ]
                for (who, params, state, what) in attempts {
                    let error = await failure { () throws(MCPClientError) in
                        try await who.call(params, state: state, responses: responses)
                    }
                    #expect(error?.code == -32_602, "\(what)")
                    #expect(error?.data?["reason"] == "invalid_request_state", "\(what)")
                }
                let second = try await alice.call(Self.call, state: .string(state), responses: responses)
                #expect(try MCPInputRequired(second)?.requests[0].params?["message"] == "question 2")
                for client in [alice, bob, elsewhere] { await client.client.close() }
            }
        }
    }

    @Test("A state is good once: not for an earlier round, and not after the end")
    func replay() async throws {
        try await with(TestUpstream.asking(.handshake)) { (gateway) async throws in
            let alice = try await Raw(gateway)
            let first = try #require(try MCPInputRequired(try await alice.call(Self.call)))
            let one: Value = .string(first.state ?? "")
            let second = try #require(
                try MCPInputRequired(
                    try await alice.call(Self.call, state: one, responses: [first.requests[0].key: Self.answer])))
            let two: Value = .string(second.state ?? "")
            let early = await failure { () throws(MCPClientError) in
                try await alice.call(Self.call, state: one, responses: [first.requests[0].key: Self.answer])
            }
            #expect(early?.data?["reason"] == "invalid_request_state")
            let responses: Value = [second.requests[0].key: Self.answer]
            #expect(try await alice.call(Self.call, state: two, responses: responses)["resultType"] == "complete")
            let late = await failure { () throws(MCPClientError) in
                try await alice.call(Self.call, state: two, responses: responses)
            }
            #expect(late?.data?["reason"] == "invalid_request_state")
            await alice.client.close()
        }
    }

    @Test("An answer that is none is refused, and the call waits for a better one; without any it is asked again")
    func badAnswers() async throws {
        try await with(TestUpstream.asking(.handshake)) { (gateway) async throws in
            let alice = try await Raw(gateway)
            let call: Value = ["name": "a-ask"]
            let first = try #require(try MCPInputRequired(try await alice.call(call)))
            let key = first.requests[0].key
            for bad: Value in ["yes", [:], ["action": "perhaps"], ["action": "accept", "content": 1]] {
                let error = await failure { () throws(MCPClientError) in
                    try await alice.call(call, state: .string(first.state ?? ""), responses: [key: bad])
                }
                #expect(error?.code == -32_602 && error?.message.contains(key) == true)
            }
            let again = try #require(
                try MCPInputRequired(try await alice.call(call, state: .string(first.state ?? ""), responses: [:])))
            #expect(again.requests.map(\.key) == [key] && again.state != first.state)
            let result = try await alice.call(
                call, state: .string(again.state ?? ""), responses: [key: ["action": "decline"]])
            #expect(result.value.onlyText == #"[{"action":"decline"}]"#)
            await alice.client.close()
        }
    }

    @Test("A call whose client does not come back is cancelled at the server when its time is over")
    func expiry() async throws {
        let cancelled = SharedResult<Void, Never>()
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            do throws(JSONRPCError) {
                return try await call.request("elicitation/create", Document(object: ["message": "m"]))
            } catch {
                cancelled.give(.success(()))
                throw error
            }
        }
        try await with(upstream, adjusting: { $0.requestState.lifetime = .seconds(1) }) { (gateway) async throws in
            let alice = try await Raw(gateway)
            let first = try #require(try MCPInputRequired(try await alice.call(["name": "a-echo"])))
            #expect(await eventually { cancelled.result != nil })
            let late = await failure { () throws(MCPClientError) in
                try await alice.call(
                    ["name": "a-echo"], state: .string(first.state ?? ""),
                    responses: [first.requests[0].key: Self.answer])
            }
            #expect(late?.data?["reason"] == "invalid_request_state")
            await alice.client.close()
        }
    }

    @Test("Only so many calls may wait, of one user and in all; the server hears that nobody answers")
    func limits() async throws {
        try await with(
            TestUpstream.asking(.handshake),
            adjusting: { settings in
                settings.limits.maximumHeldCallsPerUser = 2
                settings.limits.maximumHeldCalls = 3
            }
        ) { (gateway) async throws in
            let alice = try await Raw(gateway)
            let bob = try await Raw(gateway, "bob")
            for _ in 0..<2 { #expect(try MCPInputRequired(try await alice.call(["name": "a-ask"])) != nil) }
            let third = await failure { () throws(MCPClientError) in try await alice.call(["name": "a-ask"]) }
            #expect(third?.message.contains("max_held_calls_per_user") == true)
            #expect(try MCPInputRequired(try await bob.call(["name": "a-ask"])) != nil)
            let fourth = await failure { () throws(MCPClientError) in try await bob.call(["name": "a-ask"]) }
            #expect(fourth?.message.contains("max_held_calls") == true)
            for client in [alice, bob] { await client.client.close() }
        }
    }

    @Test("Calls that wait may be only so large together; one that has ended makes room")
    func bytes() async throws {
        let large: Value = [
            "name": "a-ask", "arguments": ["count": "1", "padding": .string(String(repeating: "x", count: 20_000))],
        ]
        try await with(
            TestUpstream.asking(.handshake), adjusting: { $0.limits.maximumHeldBytes = 30_000 }
        ) { (gateway) async throws in
            let alice = try await Raw(gateway)
            let bob = try await Raw(gateway, "bob")
            let first = try #require(try MCPInputRequired(try await alice.call(large)))
            for client in [alice, bob] {
                let second = await failure { () throws(MCPClientError) in try await client.call(large) }
                #expect(second?.message.contains("max_held_bytes") == true)
            }
            #expect(try MCPInputRequired(try await bob.call(["name": "a-ask"])) != nil)
            let result = try await alice.call(
                large, state: .string(try #require(first.state)), responses: [first.requests[0].key: Self.answer])
            #expect(result["resultType"] == "complete")
            #expect(try MCPInputRequired(try await bob.call(large)) != nil)
            for client in [alice, bob] { await client.client.close() }
        }
    }

    @Test("A server that keeps state has sessions for each principal; where it may ask, for each call under way")
    func sessions() async throws {
        let gate = SharedResult<Void, Never>()
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            if call.params?["arguments"]?["wait"] == true { _ = await gate.wait() }
            return TestUpstream.text("done")
        }
        try await with(upstream) { (gateway) async throws in
            let alice = try await Raw(gateway)
            let bob = try await Raw(gateway, "bob")
            for client in [alice, bob, alice, bob] { _ = try await client.call(["name": "a-echo"]) }
            let sessions = upstream.asked.map(\.session)
            #expect(sessions[0] == sessions[2] && sessions[1] == sessions[3] && sessions[0] != sessions[1])
            // Two at a time, which it could ask something: each has one.
            async let waiting = alice.call(["name": "a-echo", "arguments": ["wait": true]])
            #expect(await eventually { upstream.asked.count == 5 })
            _ = try await alice.call(["name": "a-echo"])
            #expect(upstream.asked[4].session != upstream.asked[5].session)
            gate.give(.success(()))
            _ = try await waiting
            // Who cannot be asked shares one.
            let plain = try await gateway.connect(
                headers: [("authorization", "Bearer \(Self.tokens["alice"] ?? "")")], mode: .modern)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 { group.addTask { _ = try await plain.call("a-echo") } }
                try await group.waitForAll()
            }
            #expect(Set(upstream.asked.dropFirst(6).map(\.session)).count == 1)
            for client in [alice.client, bob.client, plain] { await client.close() }
        }
    }

    @Test("What a server says before and after a question arrives with the request that waits, under its token")
    func progress() async throws {
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            func say(_ step: Int64) {
                let token = call.progressToken ?? .null
                call.notify(
                    "notifications/progress", Document(object: ["progressToken": token, "progress": .int(step)]))
            }
            say(1)
            _ = try await call.request("elicitation/create", Document(object: ["message": "m"]))
            say(2)
            return TestUpstream.text("done")
        }
        try await with(upstream) { (gateway) async throws in
            let client = try await gateway.connect(
                headers: [("authorization", "Bearer \(Self.tokens["alice"] ?? "")")],
                capabilities: Answering.capabilities, mode: .modern, handler: Answering())
            let heard = Box(Mutex<[Value]>([]))
            var options = MCPRequestOptions()
            options.onNotification = { _, params in heard.value.withLock { $0.append(params?.value ?? .null) } }
            let params = Document(object: ["name": "a-echo", "_meta": ["progressToken": 7]])
            #expect(try await client.request("tools/call", params, options: options).value.onlyText == "done")
            #expect(heard.value.withLock { $0 }.map { $0["progress"] } == [1, 2])
            #expect(heard.value.withLock { $0 }.allSatisfy { $0["progressToken"] == 7 })
            await client.close()
        }
    }
}
