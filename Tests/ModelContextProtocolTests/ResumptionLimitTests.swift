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

/// How much of resumable streams is kept, and what happens when there is more.
@Suite struct ResumptionLimitTests {
    @Test func onlyTheLatestEventsAreKept() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxReplayEvents = 3
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let session = try await server.begin()
            let last = try await ResumableCalls.broken(
                server, session, ResumableCalls.steps(1, #","steps":10"#))
            application.gate.open()
            try await eventually { server.endpoint.openRequests == 0 }
            let resumed = try await EventReader.resume(server, session, after: last)
            try await eventually { resumed.hasEnded }
            #expect(resumed.values.compactMap { $0["params"]?["step"]?.intValue } == [9, 10])
            #expect(resumed.values.last?["result"]?["done"] == true)
        }
    }

    @Test(arguments: [(2_000, 8 << 20), (2 << 20, 2_000)])
    func anAnswerThatIsLargerThanMayBeKeptIsRefusedRatherThanWaitedFor(
        _ ofStream: Int, _ ofSession: Int
    ) async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxReplayBytes = ofStream
        settings.limits.maxReplayBytesPerSession = ofSession
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let session = try await server.begin()
            let last = try await ResumableCalls.broken(
                server, session, ResumableCalls.steps(1, #","size":3000"#))
            application.gate.open()
            try await eventually { server.endpoint.openRequests == 0 }
            let answer = try await server.send(
                .GET, headers: ["accept": "text/event-stream", "last-event-id": last], session: session)
            #expect(answer.status == 400)
        }
    }

    @Test func aSessionsOldestStreamsGiveWay() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxReplayStreams = 2
        let application = ScriptedApplication()
        application.gate.open()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let session = try await server.begin()
            for id in 1...3 { _ = try await server.post(ResumableCalls.steps(id), session: session) }
            for (stream, status) in [(1, 400), (2, 200), (3, 200)] {
                let answer = try await server.send(
                    .GET, headers: ["accept": "text/event-stream", "last-event-id": "c\(stream)-1"], session: session)
                #expect(answer.status == status)
            }
        }
    }

    @Test func whatIsKeptCountsInTheMemoryBudgetAndIsGivenBack() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.replayTime = .milliseconds(1)
        let application = ScriptedApplication()
        application.gate.open()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let session = try await server.begin()
            _ = try await server.post(ResumableCalls.steps(1, #","size":5000"#), session: session)
            #expect(server.budget.reserved > 5_000)
            try await eventually("what is old is dropped") {
                server.endpoint.expireEvents()
                return server.budget.reserved < 5_000
            }
            _ = try await server.post(ResumableCalls.steps(2, #","size":5000"#), session: session)
            _ = try await server.send(.DELETE, session: session)
            try await eventually("a session that ends leaves nothing") { server.budget.reserved == 0 }
        }
    }

    @Test func nothingIsKeptWhileHalfOfTheMemoryIsInUse() async throws {
        let application = ScriptedApplication()
        application.gate.open()
        try await HTTPTestServer.with(application, budget: ByteBudget(limit: 100_000)) { server in
            let session = try await server.begin()
            // The client of this test reserves from the same budget: what it holds has to fit beside the answer.
            #expect(server.budget.reserve(50_000))
            let answer = try await server.post(ResumableCalls.steps(1, #","size":5000"#), session: session)
            #expect(try answer.events().count == 4)
            try await eventually { server.budget.reserved < 55_000 }
            server.budget.release(50_000)
        }
    }

    @Test(arguments: [(0, 1), (1, 0)])
    func withoutRoomForEventsThereAreNoIDs(_ events: Int, _ bytes: Int) async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxReplayEvents = events
        settings.limits.maxReplayBytes = bytes
        let application = ScriptedApplication()
        application.gate.open()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let session = try await server.begin()
            let answer = try await server.post(ResumableCalls.steps(1), session: session)
            #expect(!answer.text.contains("id: "))
            #expect(try answer.events().count == 4)
        }
    }
}
