// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Shares of users")
struct FairnessTests {
    private static let settings: @Sendable (inout GatewaySettings) -> Void = { settings in
        settings.authentication.issuers = [TestIssuer.settings]
        settings.limits.maximumCallsPerUser = 2
        settings.limits.maximumSessionsPerUser = 3
    }

    private func headers(_ user: String) -> [(name: String, value: String)] {
        [("authorization", "Bearer \(TestIssuer.token(["sub": .string(user)]))")]
    }

    @Test("A user with all the calls that one may have is refused more, in whatever session; others are served")
    func calls() async throws {
        let gate = SharedResult<Void, Never>()
        let upstream = TestUpstream { (call) throws(JSONRPCError) in
            if call.params?["arguments"]?["wait"] == true { _ = await gate.wait() }
            return TestUpstream.text("done")
        }
        try await TestGateway.with([("a", upstream)], adjusting: Self.settings) { (gateway) async throws in
            let first = try await gateway.connect(headers: headers("alice"))
            let second = try await gateway.connect(headers: headers("alice"))
            let other = try await gateway.connect(headers: headers("bob"))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for client in [first, second] {
                    tasks.addTask { _ = try await client.call("a-echo", ["wait": true]) }
                }
                #expect(await eventually { upstream.asked.count == 2 })
                for client in [first, second] {
                    let error = await failure { () async throws(MCPClientError) in try await client.call("a-echo") }
                    #expect(error?.data?["http_status"] == 429 && error?.data?["limit"] == "max_calls_per_user")
                }
                #expect(try await other.call("a-echo").onlyText == "done")
                gate.give(.success(()))
                try await tasks.waitForAll()
            }
            #expect(try await first.call("a-echo").onlyText == "done")
            for client in [first, second, other] { await client.close() }
        }
    }

    @Test("A user has as many sessions as one may have, and another one when one has ended")
    func sessions() async throws {
        try await TestGateway.with([("a", TestUpstream())], adjusting: Self.settings) { (gateway) async throws in
            var clients: [MCPClient] = []
            for _ in 0..<3 { clients.append(try await gateway.connect(headers: headers("alice"))) }
            let refused = await #expect(throws: MCPClientError.self) {
                try await gateway.connect(headers: headers("alice"))
            }
            guard case .rpc(let error)? = refused else {
                Issue.record("\(String(describing: refused))")
                return
            }
            #expect(error.data?["limit"] == "max_sessions_per_user")
            clients.append(try await gateway.connect(headers: headers("bob")))
            await clients.removeFirst().close()
            clients.append(try await gateway.connect(headers: headers("alice")))
            for client in clients { await client.close() }
        }
    }
}
