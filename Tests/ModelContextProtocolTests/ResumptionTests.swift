// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing
import Values

/// The rules of resumable streams: ids, what is replayed, and what never is.
@Suite struct ResumptionTests {
    // MARK: Ids

    @Test func aStreamBeginsWithAnIDAndAllIDsOfASessionDiffer() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            application.gate.open()
            let readers = [
                try await EventReader.open(server, session),
                try await EventReader.post(server, session, ResumableCalls.steps(1)),
                try await EventReader.post(server, session, ResumableCalls.steps(2)),
            ]
            let own = try #require(application.noted.withLock { $0.sessions.last })
            own.notify("notifications/x", nil)
            try await eventually { readers.map(\.ids.count) == [2, 5, 5] }
            #expect(readers.map(\.values.count) == [1, 4, 4], "the first has no data")
            #expect(Set(readers.flatMap(\.ids)).count == 12)
        }
    }

    @Test(arguments: ["2025-03-26", "2025-06-18"])
    func earlierRevisionsGetIDsWithoutAnEventThatHasNoData(_ revision: String) async throws {
        let application = ScriptedApplication()
        application.gate.open()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin(revision)
            let answer = try await server.post(ResumableCalls.steps(1), session: session)
            #expect(answer.text.hasPrefix("event: message\nid: "))
            #expect(try answer.events().count == 4)
        }
    }

    @Test func anAnswerThatIsJSONHasNoStreamToGoOnWith() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let before = server.budget.reserved
            let answer = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#, session: session)
            #expect(answer.headers.first(name: "content-type") == "application/json")
            #expect(server.budget.reserved == before)
        }
    }

    // MARK: Calls

    @Test func aCallWhoseStreamBrokeGoesOnAndItsAnswerIsReplayed() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let last = try await ResumableCalls.broken(server, session, ResumableCalls.steps(1))
            application.gate.open()
            // Whether the answer comes before the client or after it.
            let resumed = try await EventReader.resume(server, session, after: last)
            try await eventually { resumed.hasEnded }
            #expect(resumed.values.compactMap { $0["params"]?["step"]?.intValue } == [2, 3])
            #expect(resumed.values.last?["id"] == 1)
            #expect(resumed.values.last?["result"]?["done"] == true)
            // Once more, from another place: nothing is used up.
            let again = try await EventReader.resume(server, session, after: try #require(resumed.ids.first))
            try await eventually { again.hasEnded }
            #expect(again.values.count == 2)
        }
    }

    @Test func aResumedStreamTakesWhatIsStillToCome() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let last = try await ResumableCalls.broken(server, session, ResumableCalls.steps(1))
            let first = try await EventReader.resume(server, session, after: last)
            // A client that comes back once more leaves no second reader behind.
            let second = try await EventReader.resume(server, session, after: last)
            try await eventually { first.hasEnded }
            application.gate.open()
            try await eventually { second.hasEnded }
            #expect(first.values.isEmpty)
            #expect(second.values.count == 3)
        }
    }

    @Test func nothingOfAnotherStreamIsReplayed() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let one = try await ResumableCalls.broken(server, session, ResumableCalls.steps(1))
            let two = try await ResumableCalls.broken(server, session, ResumableCalls.steps(2))
            let own = try #require(application.noted.withLock { $0.sessions.last })
            own.notify("notifications/unrelated", nil)
            application.gate.open()
            for (last, name) in [(two, 2), (one, 1)] {
                let resumed = try await EventReader.resume(server, session, after: last)
                try await eventually { resumed.hasEnded }
                #expect(resumed.values.count == 3)
                #expect(resumed.values.prefix(2).allSatisfy { $0["params"]?["of"]?.intValue == Int64(name) })
                #expect(resumed.values.last?["id"]?.intValue == Int64(name))
            }
        }
    }

    @Test func aQuestionOnABrokenStreamIsReplayedAndCanBeAnswered() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let reader = try await EventReader.post(server, session, #"{"jsonrpc":"2.0","id":1,"method":"ask"}"#)
            try await eventually { reader.ids.count == 2 }
            reader.cut()
            let resumed = try await EventReader.resume(server, session, after: try #require(reader.ids.first))
            try await eventually { !resumed.values.isEmpty }
            let id = try #require(resumed.values.first?["id"])
            #expect(resumed.values.first?["method"] == "elicitation/create")
            _ = try await server.post(#"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"accept"}}"#, session: session)
            try await eventually { resumed.hasEnded }
            #expect(resumed.values.last?["result"]?["answer"] == ["action": "accept"])
        }
    }

    @Test func aClientOfOursGoesOnWhenItsConnectionIsCut() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            guard case .tcp(_, let port) = server.listening else { return }
            try await CuttingRelay.with(to: port) { relay, port in
                let client = try await MCPClient.connect(
                    .http(MCPHTTPClientSettings(url: "http://127.0.0.1:\(port)/mcp")), info: ["name": "test"],
                    httpClient: server.http, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                    logger: HTTPTestServer.logger)
                let heard = Mutex<[Int64]>([])
                let options = {
                    var options = MCPRequestOptions()
                    options.onNotification = { _, params in
                        heard.withLock { $0.append(params?["step"]?.intValue ?? 0) }
                    }
                    return options
                }()
                async let result = client.request("steps", Document(object: [:]), options: options)
                try await eventually { heard.withLock { $0 } == [1] }
                relay.cut()
                application.gate.open()
                #expect(try await result["done"] == true)
                #expect(heard.withLock { $0 } == [1, 2, 3])
                await client.close()
            }
        }
    }

    @Test func aCancelledCallIsNotGoneOnWith() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let reader = try await EventReader.post(server, session, ResumableCalls.steps(1))
            try await eventually { reader.values.count == 1 }
            _ = try await server.post(
                #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#, session: session)
            try await eventually { reader.hasEnded }
            let answer = try await server.send(
                .GET, headers: ["accept": "text/event-stream", "last-event-id": try #require(reader.ids.last)],
                session: session)
            #expect(answer.status == 400)
            application.gate.open()
        }
    }

    // MARK: What is refused

    @Test func idsThatAreUnknownForeignOrMalformedAre400() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let other = try await server.begin()
            let last = try await ResumableCalls.broken(server, session, ResumableCalls.steps(1))
            for (owner, id) in [
                (other, last), (session, "c99-1"), (session, "c1-99"), (session, "c1-0"), (session, "nonsense"),
                (session, "c01-1"), (session, "c1-18446744073709551616"), (session, "c1"), (session, "c1-1-1"),
            ] {
                let answer = try await server.send(
                    .GET, headers: ["accept": "text/event-stream", "last-event-id": id], session: owner)
                #expect(answer.status == 400, "\(id)")
                #expect(answer.errorCode == -32_600)
            }
            let twice = try await server.send(
                .GET, headers: ["accept": "text/event-stream", "last-event-id": last, "Last-Event-ID": last],
                session: session)
            #expect(twice.status == 400)
            application.gate.open()
        }
    }

    @Test func anotherPrincipalCannotGoOnWithAStream() async throws {
        let application = ScriptedApplication()
        application.gate.open()
        try await HTTPTestServer.with(application, admission: NameAdmission()) { server in
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "x-name", value: "alice")
            let begun = try await server.send(.POST, HTTPTestServer.initializeBody(), headers: headers)
            let session = try #require(begun.headers.first(name: "mcp-session-id"))
            let answer = try await server.send(.POST, ResumableCalls.steps(1), headers: headers, session: session)
            #expect(try answer.events().count == 4)
            let status = try await server.send(
                .GET, headers: ["accept": "text/event-stream", "last-event-id": "c1-1", "x-name": "mallory"],
                session: session
            ).status
            #expect(status == 404)
        }
    }

    // MARK: Messages that belong to no call

    @Test func aGETStreamGoesOnWithoutLossOrRepetition() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let own = try #require(application.noted.withLock { $0.sessions.last })
            func say(_ number: Int64) { own.notify("notifications/x", Document(object: ["n": .int(number)])) }
            let first = try await EventReader.open(server, session)
            let other = try await EventReader.open(server, session)
            for number in 0..<4 { say(Int64(number)) }
            try await eventually { first.values.count + other.values.count == 4 }
            // The connection breaks, and of what it brought the client has lost all but the first id.
            let id = try #require((first.values.isEmpty ? other : first).ids.first)
            let lost = (first.values.isEmpty ? other : first)
            let kept = (first.values.isEmpty ? first : other)
            lost.cut()
            let resumed = try await EventReader.resume(server, session, after: id)
            try await eventually { resumed.values.count == lost.values.count }
            #expect(resumed.values == lost.values, "its own events, and none of the other stream's")
            say(4)
            try await eventually { kept.values.count + resumed.values.count == 5 }
            // The stream is open already: this takes it over, and replays to whoever asked last.
            let again = try await EventReader.resume(server, session, after: id)
            try await eventually { resumed.hasEnded }
            try await eventually { again.values == resumed.values }
        }
    }

    @Test func aGETStreamThatIsNoLongerKnownIsBegunAnew() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let own = try #require(application.noted.withLock { $0.sessions.last })
            let reader = try await EventReader.resume(server, session, after: "g7-7")
            own.notify("notifications/x", nil)
            try await eventually { reader.values.count == 1 }
        }
    }

    @Test func aStreamThatEndsEarlySaysWhenToComeBack() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxStreamsPerSession = 1
        settings.limits.streamRetry = .milliseconds(4_321)
        try await HTTPTestServer.with(ScriptedApplication(), settings: settings) { server in
            let session = try await server.begin()
            let first = try await EventReader.open(server, session)
            let second = try await EventReader.open(server, session)
            try await eventually { first.hasEnded }
            #expect(first.retry == 4_321)
            _ = try await server.send(.DELETE, session: session)
            try await eventually { second.hasEnded }
            #expect(second.retry == nil, "there is nothing to come back to")
        }
    }

    @Test func aCallCanBeGoneOnWithWhileTheServerDrains() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let last = try await ResumableCalls.broken(server, session, ResumableCalls.steps(1))
            async let down: Void = server.endpoint.shutDown(grace: .seconds(60))
            try await eventually {
                try await server.send(.GET, headers: ["accept": "text/event-stream"], session: session).status == 503
            }
            let resumed = try await EventReader.resume(server, session, after: last)
            application.gate.open()
            try await eventually { resumed.hasEnded }
            #expect(resumed.values.last?["result"]?["done"] == true)
            await down
        }
    }
}
