// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization
import Testing
import Values

/// The rules of revision 2026-07-28 over stdio.
@Suite struct ModernStdioRuleTests {
    private typealias Pipes = StdioRuleTests.Pipes

    @Test func requestsAreServedWithoutASessionAndCancelledByANotification() async throws {
        let application = ModernApplication()
        try await Pipes.with(application) { pipes in
            pipes.send(ModernRequestText.of("server/discover"))
            #expect(try await pipes.receive()["result"]?["supportedVersions"] == ["2026-07-28"])
            pipes.send(ModernRequestText.of("tools/call", #""name":"wait""#, id: "2"))
            pipes.send(ModernRequestText.of("tools/call", #""name":"echo""#, id: "3"))
            let answer = try await pipes.receive()
            #expect(answer["id"] == 3 && answer["result"]?["resultType"] == "complete")
            pipes.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#)
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            pipes.send(HTTPTestServer.initializeBody(id: "4"))
            let refused = try await pipes.receive()
            #expect(refused["error"]?["code"] == -32_022)
            #expect(refused["error"]?["data"]?["supported"] == ["2026-07-28"])
            pipes.send(ModernRequestText.of("ping", id: "5"))
            #expect(try await pipes.receive()["error"]?["code"] == -32_601)
        }
        #expect(application.noted.withLock { $0.sessions } == 0)
    }

    @Test func whoeverHasOnlyAskedWhatThereIsMayStillBeginASession() async throws {
        try await Pipes.with(ModernApplication()) { pipes in
            pipes.send(ModernRequestText.of("server/discover"))
            #expect(try await pipes.receive()["result"] != nil)
            try await pipes.begin()
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
            let result = try await pipes.receive()["result"]
            #expect(result?["tools"] == [] && result?["resultType"] == nil)
        }
    }

    @Test func aBadRequestIsAnsweredAndTheServerStaysUsable() async throws {
        try await Pipes.with(ModernApplication()) { pipes in
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{}}"#)
            #expect(try await pipes.receive()["error"]?["code"] == -32_602)
            let meta =
                #""io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}"#
            pipes.send(ModernRequestText.of("tools/list", meta: meta))
            #expect(try await pipes.receive()["error"]?["code"] == -32_022)
            try await pipes.begin()
        }
    }

    @Test func aStreamOfNotificationsEndsWithItsAnswerWhenTheInputEnds() async throws {
        let application = ModernApplication()
        try await Pipes.with(application) { pipes in
            pipes.send(
                ModernRequestText.of("subscriptions/listen", #""notifications":{"toolsListChanged":true}"#, id: "9"))
            #expect(try await pipes.receive()["method"] == "notifications/subscriptions/acknowledged")
            try await eventually { application.noted.withLock { $0.subscriptions.count } == 1 }
            application.tell(MCPMethod.toolsChanged)
            let told = try await pipes.receive()
            #expect(told["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"] == 9)
            pipes.closeInput()
            #expect(try await pipes.receive()["id"] == 9)
        }
    }
}
