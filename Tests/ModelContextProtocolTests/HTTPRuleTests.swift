// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

/// The rules of streamable HTTP: methods, headers, statuses, sessions.
@Suite struct HTTPRuleTests {
    private static let echo = #"{"jsonrpc":"2.0","id":1,"method":"echo"}"#

    // MARK: Methods and headers

    @Test(arguments: [HTTPMethod.PUT, .PATCH, .OPTIONS, .HEAD])
    func otherMethodsAre405WithAllow(method: HTTPMethod) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let answer = try await server.send(method)
            #expect(answer.status == 405)
            #expect(answer.headers.first(name: "allow") == "GET, POST, DELETE")
        }
    }

    @Test(
        arguments: [
            "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "Application/Json;charset=UTF-8",
        ])
    func contentTypeIsReadAsHTTPSays(type: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let answer = try await server.send(
                .POST, Self.echo, headers: ["content-type": type, "accept": "*/*"], session: session)
            #expect(answer.status == 200)
        }
    }

    @Test(arguments: ["text/plain", "application/jsonp", "application/x-www-form-urlencoded", nil])
    func anyOtherContentTypeIs415(type: String?) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            var headers: HTTPHeaders = ["accept": "application/json, text/event-stream"]
            if let type { headers.add(name: "content-type", value: type) }
            let answer = try await server.send(.POST, Self.echo, headers: headers)
            #expect(answer.status == 415)
        }
    }

    @Test(
        arguments: [
            ("application/json, text/event-stream", "application/json"),
            ("text/event-stream, application/json", "application/json"), ("*/*", "application/json"),
            ("APPLICATION/JSON;q=0.5", "application/json"), ("application/*", "application/json"),
            ("text/event-stream", "text/event-stream"), ("text/*", "text/event-stream"),
            ("application/json;q=0, */*", "text/event-stream"), (nil, "application/json"),
        ] as [(String?, String)])
    func acceptDecidesTheFormOfTheAnswer(accept: String?, type: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            var headers: HTTPHeaders = ["content-type": "application/json"]
            if let accept { headers.add(name: "accept", value: accept) }
            let answer = try await server.send(.POST, Self.echo, headers: headers, session: session)
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "content-type") == type)
        }
    }

    @Test(arguments: ["text/html", "application/json;q=0, text/event-stream;q=0.0", "image/*", ""])
    func anAcceptWithNeitherFormIs406(accept: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let answer = try await server.send(
                .POST, Self.echo, headers: ["content-type": "application/json", "accept": accept])
            #expect(answer.status == 406)
        }
    }

    @Test(arguments: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
    func aVersionHeaderOfARevisionThatIsSpokenIsAccepted(version: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "MCP-Protocol-Version", value: version)
            #expect(try await server.send(.POST, Self.echo, headers: headers, session: session).status == 200)
        }
    }

    @Test(arguments: ["1.0", "", "2025-06-19", "2025-06-18, 2025-06-18"])
    func anyOtherVersionHeaderIs400(version: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "MCP-Protocol-Version", value: version)
            for method in [HTTPMethod.POST, .GET, .DELETE] {
                #expect(try await server.send(method, Self.echo, headers: headers, session: session).status == 400)
            }
        }
    }

    @Test func withoutAVersionHeaderTheSessionsRevisionCounts() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin("2025-11-25")
            #expect(try await server.post("[\(Self.echo)]", session: session).status == 400)
        }
        // Without a session either, 2025-03-26 is assumed, which has batches.
        try await HTTPTestServer.with(ScriptedApplication(isStateless: true)) { server in
            let answer = try await server.post("[\(Self.echo)]")
            #expect(answer.status == 200)
        }
    }

    // MARK: Origin and Host

    @Test(arguments: ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:80", "http://LOCALHOST"])
    func pagesOfThisMachineAreLetIn(origin: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "origin", value: origin)
            #expect(try await server.send(.POST, Self.echo, headers: headers, session: session).status == 200)
        }
    }

    @Test(
        arguments: [
            "https://evil.example", "http://localhost.evil.example", "null", "http://127.0.0.1.evil.example", "",
            "http://evil.example#localhost", "file://",
        ])
    func otherPagesAre403OnEveryRequest(origin: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "origin", value: origin)
            for method in [HTTPMethod.POST, .GET, .DELETE] {
                #expect(try await server.send(method, Self.echo, headers: headers, session: session).status == 403)
            }
            #expect(try await server.post(Self.echo, session: session).status == 200, "the session must be unharmed")
        }
    }

    /// One request after the other on one connection: what is remembered of a head must not count for the next.
    @Test func eachRequestIsJudgedByItsOwnHeaders() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let usual = HTTPTestServer.usualHeaders
            var foreign = usual
            foreign.add(name: "origin", value: "https://evil.example")
            var text = usual
            text.replaceOrAdd(name: "content-type", value: "text/plain")
            var picky = usual
            picky.replaceOrAdd(name: "accept", value: "image/png")
            var old = usual
            old.replaceOrAdd(name: "mcp-protocol-version", value: "1999-01-01")
            for _ in 0..<2 {
                for (headers, session, status) in [
                    (usual, session, 200), (foreign, session, 403), (usual, session, 200), (text, session, 415),
                    (picky, session, 406), (usual, "none", 404), (usual, session, 200), (old, session, 400),
                    (foreign, session, 403), (usual, session, 200),
                ] {
                    let answer = try await server.send(.POST, Self.echo, headers: headers, session: session)
                    #expect(answer.status == status, "\(headers)")
                }
            }
        }
    }

    @Test func originsAreAddedByConfiguration() async throws {
        var settings = StreamableHTTPSettings()
        settings.origins.origins = ["https://app.example"]
        try await HTTPTestServer.with(ScriptedApplication(), settings: settings) { server in
            let session = try await server.begin()
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "origin", value: "https://APP.example")
            #expect(try await server.send(.POST, Self.echo, headers: headers, session: session).status == 200)
        }
    }

    @Test func aForeignHostIs421() async throws {
        var settings = StreamableHTTPSettings()
        settings.origins.hosts = ["gateway.example"]
        try await HTTPTestServer.with(ScriptedApplication(), settings: settings) { server in
            // The client writes the host it connects to, 127.0.0.1, which is not among these.
            let answer = try await server.post(HTTPTestServer.initializeBody())
            #expect(answer.status == 421)
        }
    }

    // MARK: Sessions

    @Test func sessionIDsAreVisibleASCIIAndNeverTheSame() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            var ids: Set<String> = []
            for _ in 0..<20 { ids.insert(try await server.begin()) }
            #expect(ids.count == 20)
            for id in ids {
                #expect(id.utf8.count >= 32)
                #expect(id.utf8.allSatisfy { (0x21...0x7E).contains($0) })
            }
        }
    }

    @Test func aRequestWithoutASessionIs400AndWithAnUnknownOne404() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            for method in [HTTPMethod.POST, .GET, .DELETE] {
                let without = try await server.send(method, Self.echo)
                #expect(without.status == 400)
                let unknown = try await server.send(method, Self.echo, session: "0123456789abcdef")
                #expect(unknown.status == 404)
            }
        }
    }

    @Test func aSessionThatIsEndedIs404FromThenOn() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            let other = try await server.begin()
            #expect((200...299).contains(try await server.send(.DELETE, session: session).status))
            for method in [HTTPMethod.POST, .GET, .DELETE] {
                #expect(try await server.send(method, Self.echo, session: session).status == 404)
            }
            #expect(try await server.post(Self.echo, session: other).status == 200)
            try await eventually("the application hears of it") {
                application.noted.withLock { $0.endedSessions } == 1
            }
        }
    }

    @Test func callsOfASessionThatEndsAreCancelled() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let session = try await server.begin()
            async let waiting = server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#, session: session)
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            _ = try await server.send(.DELETE, session: session)
            let answer = try await waiting
            #expect(answer.text.isEmpty, "a call that is cancelled is not answered")
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
        }
    }

    @Test func idleSessionsEndAndBusyOnesDoNot() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.sessionIdleTimeout = .milliseconds(400)
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application, settings: settings) { server in
            let sweeper = Task { try await server.endpoint.run() }
            let idle = try await server.begin()
            let busy = try await server.begin()
            async let waiting = server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#, session: busy)
            try await eventually {
                try await server.post(Self.echo, session: busy).status == 200 && server.endpoint.sessionCount == 1
            }
            #expect(try await server.post(Self.echo, session: idle).status == 404)
            application.gate.open()
            #expect(try await waiting.status == 200)
            sweeper.cancel()
            _ = try? await sweeper.value
        }
    }

    @Test func sessionsAreLimitedAndTheClientIsToldToComeBack() async throws {
        var settings = StreamableHTTPSettings()
        settings.limits.maxSessions = 2
        try await HTTPTestServer.with(ScriptedApplication(), settings: settings) { server in
            let first = try await server.begin()
            _ = try await server.begin()
            let refused = try await server.post(HTTPTestServer.initializeBody())
            #expect(refused.status == 503)
            #expect(refused.headers.first(name: "retry-after") != nil)
            _ = try await server.send(.DELETE, session: first)
            #expect(try await server.post(HTTPTestServer.initializeBody()).status == 200)
        }
    }

    @Test func aSessionBelongsToThePrincipalThatBeganIt() async throws {
        try await HTTPTestServer.with(ScriptedApplication(), admission: NameAdmission()) { server in
            var alice = HTTPTestServer.usualHeaders
            alice.add(name: "x-name", value: "alice")
            var mallory = HTTPTestServer.usualHeaders
            mallory.add(name: "x-name", value: "mallory")
            let begun = try await server.send(.POST, HTTPTestServer.initializeBody(), headers: alice)
            let session = try #require(begun.headers.first(name: "mcp-session-id"))
            for method in [HTTPMethod.POST, .GET, .DELETE] {
                #expect(try await server.send(method, Self.echo, headers: mallory, session: session).status == 404)
                #expect(try await server.send(method, Self.echo, session: session).status == 401)
            }
            #expect(try await server.send(.POST, Self.echo, headers: alice, session: session).status == 200)
        }
    }

    @Test func anEndpointWithoutSessionsServesPOSTAlone() async throws {
        try await HTTPTestServer.with(ScriptedApplication(isStateless: true)) { server in
            let begun = try await server.post(HTTPTestServer.initializeBody())
            #expect(begun.status == 200)
            #expect(begun.headers.first(name: "mcp-session-id") == nil)
            #expect(try await server.post(Self.echo).status == 200)
            for method in [HTTPMethod.GET, .DELETE] {
                let answer = try await server.send(method)
                #expect(answer.status == 405)
                #expect(answer.headers.first(name: "allow") == "POST")
            }
            #expect(server.endpoint.sessionCount == 0)
        }
    }

    @Test func aCallOfAnEndpointWithoutSessionsEndsWithItsClient() async throws {
        let application = ScriptedApplication(isStateless: true)
        try await HTTPTestServer.with(application) { server in
            let call = Task { try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#) }
            try await eventually { application.noted.withLock { $0.startedWaits } > 0 }
            call.cancel()
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            _ = await call.result
        }
    }
}
