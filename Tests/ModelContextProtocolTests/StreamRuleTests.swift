// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

/// The rules of event streams, progress, cancellation, ping, and requests of the server.
@Suite struct StreamRuleTests {
    @Test func relatedMessagesComeInOrderBeforeTheOneResponseAndThenTheStreamEnds() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            for token in [#""t""#, "5", #""5""#] {
                let answer = try await server.post(
                    #"{"jsonrpc":"2.0","id":9,"method":"progress","params":{"_meta":{"progressToken":\#(token)}}}"#,
                    session: session)
                #expect(answer.headers.first(name: "content-type") == "text/event-stream")
                let events = try answer.events()
                #expect(events.count == 4)
                for (position, event) in events.prefix(3).enumerated() {
                    #expect(event["method"] == "notifications/progress")
                    #expect(event["params"]?["progress"]?.intValue == Int64(position + 1))
                    // The token keeps its JSON type.
                    #expect(try event["params"]?["progressToken"] == JSONParser.decode(token.utf8))
                }
                #expect(events.last?["id"] == 9)
                #expect(events.last?["result"] == ["done": true])
            }
        }
    }

    @Test func nothingOfACallComesAfterItsAnswer() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let unrelated = try await EventReader.open(server, session)
            let answer = try await server.post(
                #"{"jsonrpc":"2.0","id":9,"method":"late","params":{"_meta":{"progressToken":1}}}"#, session: session)
            #expect(try answer.events().map { $0["params"]?["progress"]?.intValue } == [1, nil])
            try await eventually { application.noted.withLock { $0.lateMessages } == 1 }
            // What is said of a call that has ended has no stream to go to.
            application.noted.withLock { $0.sessions.last }?.notify("notifications/x", nil)
            try await eventually { !unrelated.values.isEmpty }
            #expect(unrelated.values.map { $0["method"] } == ["notifications/x"])
        }
    }

    @Test func aClientThatTakesOnlyJSONGetsTheResponseWithoutWhatPrecedesIt() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let answer = try await server.send(
                .POST, #"{"jsonrpc":"2.0","id":9,"method":"progress","params":{"_meta":{"progressToken":1}}}"#,
                headers: ["content-type": "application/json", "accept": "application/json"], session: session)
            #expect(try answer.json()["result"] == ["done": true])
        }
    }

    @Test func callsOfOneSessionOvertakeEachOther() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            async let slow = server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#, session: session)
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            let fast = try await server.post(#"{"jsonrpc":"2.0","id":2,"method":"echo"}"#, session: session)
            #expect(try fast.json()["id"] == 2)
            application.gate.open()
            #expect(try await slow.json()["id"] == 1)
        }
    }

    // MARK: Cancellation and ping

    @Test func aCancelledCallIsStoppedAndNotAnswered() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            async let waiting = server.post(#"{"jsonrpc":"2.0","id":"1","method":"wait"}"#, session: session)
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            // Another session's request with the same id, and another type of id, are other requests.
            let other = try await server.begin()
            for (owner, id) in [(other, #""1""#), (session, "1")] {
                let answer = try await server.post(
                    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#(id)}}"#,
                    session: owner)
                #expect(answer.status == 202)
            }
            #expect(application.noted.withLock { $0.cancelledCalls } == 0)
            try await eventually {
                let answer = try await server.post(
                    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}}"#,
                    session: session)
                #expect(answer.status == 202)
                return application.noted.withLock { $0.cancelledCalls } == 1
            }
            let answer = try await waiting
            #expect(try answer.events().isEmpty)
        }
    }

    @Test func aCancellationOfSomethingUnknownIsPassedOver() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            for params in [#"{"requestId":99}"#, #"{"requestId":null}"#, "{}", #"{"requestId":{"a":1}}"#] {
                let answer = try await server.post(
                    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":\#(params)}"#, session: session)
                #expect(answer.status == 202)
            }
            #expect(try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#, session: session).status == 200)
        }
    }

    @Test func aClientThatGoesAwayDoesNotCancelItsCall() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let call = Task { try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#, session: session) }
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            call.cancel()
            _ = await call.result
            // The call goes on, so its id is still in use.
            let again = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#, session: session)
            #expect(again.errorCode == -32_600)
            application.gate.open()
            try await eventually { server.endpoint.openRequests == 0 }
            #expect(application.noted.withLock { $0.cancelledCalls } == 0)
        }
    }

    @Test func pingIsAnsweredAtOnceWithAnEmptyObject() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let answer = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, session: session)
            #expect(try answer.json()["result"] == [:])
        }
    }

    // MARK: The GET stream

    @Test func aGETWithoutAcceptOfEventsIs406() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let answer = try await server.send(.GET, headers: ["accept": "application/json"], session: session)
            #expect(answer.status == 406)
        }
    }

    @Test func eachUnrelatedMessageGoesToExactlyOneOfAClientsStreams() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let first = try await EventReader.open(server, session)
            let second = try await EventReader.open(server, session)
            let own = try #require(application.noted.withLock { $0.sessions.last })
            for number in 0..<10 {
                own.notify("notifications/x", Document(object: ["n": .int(Int64(number))]))
            }
            try await eventually("all have arrived") { first.values.count + second.values.count == 10 }
            let numbers = (first.values + second.values).compactMap { $0["params"]?["n"]?.intValue }
            #expect(numbers.sorted() == Array(0..<10))
        }
    }

    @Test func messagesWaitForAStreamAndTheOldestGiveWay() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxWaitingMessages = 3
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let session = try await server.begin()
            let own = try #require(application.noted.withLock { $0.sessions.last })
            for number in 0..<5 { own.notify("notifications/x", Document(object: ["n": .int(Int64(number))])) }
            let reader = try await EventReader.open(server, session)
            try await eventually { reader.values.count == 3 }
            #expect(reader.values.compactMap { $0["params"]?["n"]?.intValue } == [2, 3, 4])
        }
    }

    @Test func theStreamOfASessionEndsWithIt() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let reader = try await EventReader.open(server, session)
            _ = try await server.send(.DELETE, session: session)
            try await eventually { reader.hasEnded }
        }
    }

    @Test func aFurtherStreamEndsTheOldest() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxStreamsPerSession = 1
        try await HTTPTestServer.with(ScriptedApplication(), settings: settings) { server in
            let session = try await server.begin()
            let first = try await EventReader.open(server, session)
            let second = try await EventReader.open(server, session)
            try await eventually { first.hasEnded }
            #expect(!second.hasEnded)
        }
    }

    @Test func anIdleStreamIsKeptAliveByComments() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.heartbeat = .milliseconds(20)
        try await HTTPTestServer.with(ScriptedApplication(), settings: settings) { server in
            let session = try await server.begin()
            let reader = try await EventReader.open(server, session)
            // More than the event without data that it begins with.
            try await eventually { reader.bytes > 60 }
            #expect(reader.values.isEmpty)
        }
    }

    // MARK: Requests of the server

    @Test func aRequestOfTheServerComesOnTheStreamOfItsCallAndIsAnsweredByAPOST() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let reader = try await EventReader.post(server, session, #"{"jsonrpc":"2.0","id":1,"method":"ask"}"#)
            try await eventually { !reader.values.isEmpty }
            let question = try #require(reader.values.first)
            #expect(question["method"] == "elicitation/create")
            let id = try #require(question["id"])
            let posted = try await server.post(
                #"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept"}}"#, session: session)
            #expect(posted.status == 202)
            try await eventually { reader.hasEnded }
            #expect(reader.values.last?["result"]?["answer"] == ["action": "accept"])
        }
    }

    @Test func theClientsErrorReachesWhoAsked() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let reader = try await EventReader.post(server, session, #"{"jsonrpc":"2.0","id":1,"method":"ask"}"#)
            try await eventually { !reader.values.isEmpty }
            let id = try #require(reader.values.first?["id"])
            _ = try await server.post(
                #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":-1,"message":"no"}}"#, session: session)
            try await eventually { reader.hasEnded }
            #expect(reader.values.last?["error"]?["message"] == "no")
        }
    }

    @Test func anAnswerFromAnotherSessionIsNoAnswer() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let other = try await server.begin()
            let reader = try await EventReader.post(server, session, #"{"jsonrpc":"2.0","id":1,"method":"ask"}"#)
            try await eventually { !reader.values.isEmpty }
            let id = try #require(reader.values.first?["id"])
            _ = try await server.post(#"{"jsonrpc":"2.0","id":\#(id),"result":{"forged":true}}"#, session: other)
            _ = try await server.post(#"{"jsonrpc":"2.0","id":\#(id),"result":{"forged":false}}"#, session: session)
            try await eventually { reader.hasEnded }
            #expect(reader.values.last?["result"]?["answer"] == ["forged": false])
        }
    }

    @Test func aClientWithoutASessionCannotBeAsked() async throws {
        try await HTTPTestServer.with(ScriptedApplication(isStateless: true)) { server in
            let answer = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"ask"}"#)
            #expect(answer.errorCode == -32_603)
        }
    }

    @Test func streamsEndAndCallsFinishWhenTheServerShutsDown() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let reader = try await EventReader.open(server, session)
            async let call = server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#, session: session)
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            async let down: Void = server.endpoint.shutDown(grace: .seconds(60))
            try await eventually { reader.hasEnded }
            let refused = try await server.post(HTTPTestServer.initializeBody())
            #expect(refused.status == 503)
            application.gate.open()
            #expect(try await call.json()["result"] == ["waited": true])
            await down
            #expect(application.noted.withLock { $0.endedSessions } == 1)
        }
    }
}
