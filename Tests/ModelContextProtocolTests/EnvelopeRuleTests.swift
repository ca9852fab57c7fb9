// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOHTTP1
import Synchronization
import Testing
import Values

/// The rules of the JSON-RPC envelope, over HTTP.
@Suite struct EnvelopeRuleTests {
    @Test func aResponseEchoesTheIDWithItsJSONType() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            for id in ["7", #""7""#, #""""#, "-1", "9007199254740993", #""\u00e9""#] {
                let answer = try await server.post(
                    #"{"jsonrpc":"2.0","id":\#(id),"method":"echo"}"#, session: session)
                #expect(try answer.json()["id"] == JSONParser.decode(id.utf8))
                #expect(try answer.json()["jsonrpc"] == "2.0")
            }
        }
    }

    @Test func anAnswerHasAResultOrAnErrorAndNotBoth() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let good = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#, session: session).json()
            #expect(good["result"] != nil && good["error"] == nil)
            let bad = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"fail"}"#, session: session).json()
            #expect(bad["result"] == nil)
            #expect(bad["error"] == ["code": 77, "message": "as asked", "data": ["x": 1]])
        }
    }

    @Test func anIDIsUniqueAmongRequestsInFlightAndFreeAgainAfterwards() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            async let first = server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#, session: session)
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            let second = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#, session: session)
            #expect(second.errorCode == -32_600)
            // Another type is another id.
            let other = try await server.post(#"{"jsonrpc":"2.0","id":"1","method":"echo"}"#, session: session)
            #expect(try other.json()["result"] != nil)
            application.gate.open()
            #expect(try await first.json()["result"] == ["waited": true])
            let again = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#, session: session)
            #expect(try again.json()["result"] != nil)
        }
    }

    @Test func sessionsWithTheSameIDsNeverMeet() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            var sessions: [String] = []
            for _ in 0..<5 { sessions.append(try await server.begin()) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for session in sessions {
                    for _ in 0..<4 {
                        group.addTask {
                            // The same id may be in flight in every session, though not twice in one.
                            let answer = try await server.post(
                                #"{"jsonrpc":"2.0","id":"s\#(Int.random(in: 0..<1_000_000_000))","method":"session"}"#,
                                session: session)
                            #expect(try answer.json()["result"]?["id"]?.stringValue == session)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func anUnknownMethodIsAnErrorOfTheProtocolWith200() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let answer = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, session: session)
            #expect(answer.status == 200)
            #expect(answer.errorCode == -32_601)
        }
    }

    @Test(
        arguments: [
            ("{", -32_700), (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, -32_700), ("5", -32_600),
            (#"{"jsonrpc":"2.0","id":null,"method":"m"}"#, -32_600), (#"{"id":1,"method":"m"}"#, -32_600),
        ] as [(String, Int64)])
    func whatIsNoMessageIs400(body: String, code: Int64) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let answer = try await server.send(.POST, body, session: session)
            #expect(answer.status == 400)
            #expect(answer.errorCode == code)
        }
    }

    @Test func invalidUTF8AndDeepNestingAre400AndNeverWorse() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let bad = Array(#"{"jsonrpc":"2.0","id":1,"method":""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8)
            let utf8 = try await server.send(.POST, bad, session: session)
            #expect(utf8.status == 400 && utf8.errorCode == -32_700)
            let nest = String(repeating: "[", count: 50_000)
            let deep = try await server.post(
                #"{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":\#(nest)}}"#, session: session)
            #expect(deep.status == 400 && deep.errorCode == -32_700)
        }
    }

    @Test func notificationsAreNeverAnsweredAndUnknownOnesPassedOver() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let answer = try await server.post(
                #"{"jsonrpc":"2.0","method":"notifications/what_ever","params":{}}"#, session: session)
            #expect(answer.status == 202)
            #expect(answer.text.isEmpty)
        }
        #expect(application.noted.withLock { $0.notifications }.last == "notifications/what_ever")
    }

    @Test func responsesThatNobodyWaitsForAreTakenAndDropped() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            for id in ["5", #""x""#] {
                let answer = try await server.post(#"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#, session: session)
                #expect(answer.status == 202 && answer.text.isEmpty)
            }
        }
    }

    // MARK: Batches

    @Test func aBatchIsServedInASessionOf20250326() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin("2025-03-26")
            let answer = try await server.post(
                #"[{"jsonrpc":"2.0","id":1,"method":"echo"},{"jsonrpc":"2.0","method":"notifications/x"},"#
                    + #"{"jsonrpc":"2.0","id":"2","method":"fail"}]"#, session: session)
            #expect(answer.status == 200)
            let responses = try #require(try answer.json().arrayValue)
            #expect(Set(responses.compactMap { $0["id"]?.description }) == ["1", #""2""#])
        }
    }

    @Test func aBatchOfNotificationsIsAccepted() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin("2025-03-26")
            let answer = try await server.post(
                #"[{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":1,"result":{}}]"#,
                session: session)
            #expect(answer.status == 202)
        }
    }

    @Test(arguments: ["2024-11-05", "2025-06-18", "2025-11-25"])
    func aBatchIsRefusedInAllOtherSessions(version: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin(version)
            let answer = try await server.post(#"[{"jsonrpc":"2.0","id":1,"method":"echo"}]"#, session: session)
            #expect(answer.status == 400 && answer.errorCode == -32_600)
        }
    }

    @Test func initializeIsNeverPartOfABatch() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin("2025-03-26")
            let answer = try await server.post("[\(HTTPTestServer.initializeBody())]", session: session)
            #expect(answer.status == 400)
            let alone = try await server.post("[\(HTTPTestServer.initializeBody())]")
            #expect(alone.status == 400)
        }
    }

    @Test func anEmptyBatchIsInvalid() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin("2025-03-26")
            let answer = try await server.post("[]", session: session)
            #expect(answer.status == 400 && answer.errorCode == -32_600)
        }
    }
}
