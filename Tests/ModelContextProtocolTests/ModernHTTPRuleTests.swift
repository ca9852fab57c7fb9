// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

/// The rules of streamable HTTP in revision 2026-07-28.
@Suite struct ModernHTTPRuleTests {
    private static func headers(
        _ method: String, _ name: String? = nil, version: String = "2026-07-28"
    ) -> HTTPHeaders {
        var headers = HTTPTestServer.usualHeaders
        headers.add(name: "mcp-protocol-version", value: version)
        headers.add(name: "mcp-method", value: method)
        if let name { headers.add(name: "mcp-name", value: name) }
        return headers
    }

    private static func call(
        _ server: HTTPTestServer, _ tool: String, _ members: String = "", meta: String = ModernRequestText.meta,
        headers: HTTPHeaders? = nil
    ) async throws -> HTTPTestServer.Answer {
        let rest = members.isEmpty ? "" : ",\(members)"
        return try await server.send(
            .POST, ModernRequestText.of("tools/call", #""name":"\#(tool)"\#(rest)"#, meta: meta),
            headers: headers ?? Self.headers("tools/call", tool))
    }

    private static func ask(_ server: HTTPTestServer, _ method: String) async throws -> HTTPTestServer.Answer {
        try await server.send(.POST, ModernRequestText.of(method), headers: headers(method))
    }

    @Test func discoverTellsRevisionsAndCapabilitiesWithoutASession() async throws {
        let application = ModernApplication()
        try await HTTPTestServer.with(application) { server in
            let answer = try await Self.ask(server, "server/discover")
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "mcp-session-id") == nil)
            let result = try #require(try answer.json()["result"])
            #expect(result["supportedVersions"] == ["2026-07-28"])
            #expect(result["capabilities"] == ["tools": [:]])
            #expect(result["resultType"] == "complete" && result["ttlMs"] == 0 && result["cacheScope"] == "private")
            #expect(result["_meta"]?["io.modelcontextprotocol/serverInfo"]?["name"] == "modern")
            #expect(result["instructions"] == "none")
        }
        #expect(application.noted.withLock { $0.sessions } == 0)
    }

    @Test(arguments: [
        "", #""io.modelcontextprotocol/clientCapabilities":{}"#,
        #""io.modelcontextprotocol/protocolVersion":"2026-07-28""#,
        #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]"#,
        #""io.modelcontextprotocol/protocolVersion":7,"io.modelcontextprotocol/clientCapabilities":{}"#,
    ])
    func versionAndCapabilitiesAreDemandedOfEachRequest(_ meta: String) async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let answer = try await Self.call(server, "echo", meta: meta)
            #expect(answer.status == 400 && answer.errorCode == -32_602)
        }
    }

    @Test func whatTheRequestSaysOfItsClientReachesTheApplicationAndNamesAreOptional() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let result = try await Self.call(
                server, "echo",
                meta: #""io.modelcontextprotocol/protocolVersion":"2026-07-28","#
                    + #""io.modelcontextprotocol/clientCapabilities":{"roots":{}}"#)
            #expect(try result.json()["result"]?["client"] == ["roots": [:]])
            #expect(try result.json()["result"]?["info"] == [:])
        }
    }

    @Test func whatOneRequestSaysOfItsClientIsNotTakenForTheNextOfTheConnection() async throws {
        @Sendable func meta(_ capabilities: String) -> String {
            #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":"#
                + capabilities
        }
        try await HTTPTestServer.with(ModernApplication()) { server in
            // All of one length, so that even the heads of the requests are the same.
            for capability in ["roots", "roots", "stoor", "roots", "stoor", "stoor"] {
                let answer = try await Self.call(server, "echo", meta: meta(#"{"\#(capability)":{}}"#))
                #expect(try answer.json()["result"]?["client"] == [capability: [:]])
            }
            let refused = try await Self.call(server, "echo", meta: meta(#"["roots",[]]"#))
            #expect(refused.status == 400 && refused.errorCode == -32_602)
            let after = try await Self.call(server, "echo", meta: meta(#"{"roots":{}}"#))
            #expect(try after.json()["result"]?["client"] == ["roots": [:]])
        }
    }

    @Test func headersMustSayWhatTheBodySays() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            var cases: [HTTPHeaders] = []
            for missing in ["mcp-protocol-version", "mcp-method", "mcp-name"] {
                var headers = Self.headers("tools/call", "echo")
                headers.remove(name: missing)
                cases.append(headers)
                var twice = Self.headers("tools/call", "echo")
                twice.add(name: missing, value: twice[missing][0])
                cases.append(twice)
            }
            cases.append(Self.headers("tools/Call", "echo"))
            cases.append(Self.headers("tools/list", "echo"))
            cases.append(Self.headers("tools/call", "Echo"))
            cases.append(Self.headers("tools/call", "=?base64?ZWNobw?="))
            cases.append(Self.headers("tools/call", "=?base64?b3RoZXI=?="))
            cases.append(Self.headers("tools/call", "echo", version: "2025-11-25"))
            cases.append(Self.headers("tools/call", "echo", version: "2099-01-01"))
            for headers in cases {
                let answer = try await Self.call(server, "echo", headers: headers)
                #expect(answer.status == 400 && answer.errorCode == -32_020, "\(headers)")
            }
        }
    }

    @Test func namesMayBeCodedInTheirHeader() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            for (name, header) in [("echo", "  echo "), ("echo", "=?base64?ZWNobw==?="), ("ä", "=?base64?w6Q=?=")] {
                let answer = try await Self.call(server, name, headers: Self.headers("tools/call", header))
                #expect(answer.status == 200, "\(header)")
            }
        }
    }

    @Test func headersOfArgumentsMustSayWhatTheArgumentsSay() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let cases: [(argument: String?, header: [String], fits: Bool)] = [
                ("eu", ["eu"], true), ("eu", ["us"], false), ("eu", [], false), (nil, ["eu"], false), (nil, [], true),
                ("ä", ["=?base64?w6Q=?="], true), ("eu", ["eu", "eu"], false), ("eu", ["=?base64?!?="], false),
            ]
            for (argument, values, fits) in cases {
                var headers = Self.headers("tools/call", "routed")
                for value in values { headers.add(name: "Mcp-Param-Region", value: value) }
                let members = argument.map { #""arguments":{"region":"\#($0)"}"# } ?? #""arguments":{}"#
                let answer = try await Self.call(server, "routed", members, headers: headers)
                #expect(answer.status == (fits ? 200 : 400) && (answer.errorCode == -32_020) == !fits, "\(values)")
            }
        }
    }

    @Test func anUnknownRevisionIsAnsweredWithTheKnownOnes() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let meta =
                #""io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}"#
            let answer = try await Self.call(
                server, "echo", meta: meta, headers: Self.headers("tools/call", "echo", version: "2099-01-01"))
            #expect(answer.status == 400 && answer.errorCode == -32_022)
            let data = try #require(try answer.json()["error"]?["data"])
            #expect(data["requested"] == "2099-01-01")
            #expect(data["supported"]?.arrayValue?.contains("2026-07-28") == true)
        }
    }

    @Test(arguments: [
        "no/such", "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
    ])
    func unknownAndRemovedMethodsAreNotFound(_ method: String) async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let answer = try await Self.ask(server, method)
            #expect(answer.status == 404 && answer.errorCode == -32_601)
        }
    }

    @Test func aCapabilityThatTheClientHasNotDeclaredIsNamed() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let answer = try await Self.call(server, "ask")
            #expect(answer.status == 400 && answer.errorCode == -32_021)
            #expect(
                try answer.json()["error"]?["data"] == ["requiredCapabilities": ["elicitation": ["form": [:]]]])
        }
    }

    @Test func resultsSayTheirTypeAndHowLongTheyLast() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let tools = try #require(try await Self.ask(server, "tools/list").json()["result"])
            #expect(tools["resultType"] == "complete" && tools["ttlMs"] == 7 && tools["cacheScope"] == "private")
            #expect(tools["_meta"]?["x"] == 1 && tools["_meta"]?["io.modelcontextprotocol/serverInfo"] != nil)
            let prompts = try #require(try await Self.ask(server, "prompts/list").json()["result"])
            #expect(prompts["ttlMs"] == 5_000 && prompts["cacheScope"] == "public")
            let called = try #require(try await Self.call(server, "echo").json()["result"])
            #expect(called["resultType"] == "complete" && called["ttlMs"] == nil && called["cacheScope"] == nil)
        }
    }

    @Test func anUnknownResourceIsAnInvalidParameter() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let answer = try await server.send(
                .POST, ModernRequestText.of("resources/read", #""uri":"x://y""#),
                headers: Self.headers("resources/read", "x://y"))
            #expect(answer.status == 400 && answer.errorCode == -32_602)
        }
    }

    @Test func aQuestionIsAResultAndItsAnswerComesWithTheNextRequest() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let meta =
                #""io.modelcontextprotocol/protocolVersion":"2026-07-28","#
                + #""io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}"#
            let asked = try #require(try await Self.call(server, "ask", meta: meta).json()["result"])
            #expect(asked["resultType"] == "input_required" && asked["requestState"] == "exact ä")
            #expect(asked["inputRequests"]?["q"]?["method"] == "elicitation/create")
            let answered = try await Self.call(
                server, "ask", #""inputResponses":{"q":{"action":"decline"}},"requestState":"exact ä""#, meta: meta)
            let result = try #require(try answered.json()["result"])
            #expect(result["answers"] == ["q": ["action": "decline"]] && result["state"] == "exact ä")
            let refused = try await Self.ask(server, "completion/complete")
            #expect(refused.errorCode == -32_603)
        }
    }

    @Test func logMessagesAreSentToThoseWhoHaveAskedForThem() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let methods = try await Self.call(server, "talk").events().compactMap { $0["method"] }
            #expect(methods == ["notifications/progress"])
            let meta = ModernRequestText.meta + #","io.modelcontextprotocol/logLevel":"info""#
            let levels = try await Self.call(server, "talk", meta: meta).events().compactMap { $0["params"]?["level"] }
            #expect(levels == ["info", "error"])
        }
    }

    @Test func theServerAsksNothingAndClientsAnswerNothing() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            #expect(try await Self.call(server, "backwards").errorCode == -32_603)
            for body in [#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "[\(ModernRequestText.of("tools/list"))]"] {
                let answer = try await server.send(.POST, body, headers: Self.headers("tools/list"))
                #expect(answer.status == 400 && answer.errorCode == -32_600)
            }
            let notified = try await server.send(
                .POST, #"{"jsonrpc":"2.0","method":"notifications/x"}"#, headers: Self.headers("notifications/x"))
            #expect(notified.status == 202 && notified.text.isEmpty)
        }
    }

    @Test func thereIsNoGETAndNoDELETEAndBothErasShareTheEndpoint() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            for method in [HTTPMethod.GET, .DELETE] {
                let answer = try await server.send(method, headers: Self.headers("x"))
                #expect(answer.status == 405 && answer.headers.first(name: "allow") == "POST")
            }
            let session = try await server.begin()
            #expect(
                try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, session: session).status
                    == 200)
            var headers = Self.headers("tools/list")
            headers.add(name: "mcp-session-id", value: "no such session")
            headers.add(name: "last-event-id", value: "5")
            let answer = try await server.send(.POST, ModernRequestText.of("tools/list"), headers: headers)
            #expect(answer.status == 200)
        }
    }

    @Test func aServerWithoutSessionsRefusesInitializeWithWhatItSpeaks() async throws {
        try await HTTPTestServer.with(ModernApplication(eras: [.modern])) { server in
            let answer = try await server.post(HTTPTestServer.initializeBody())
            #expect(answer.status == 400 && answer.errorCode == -32_022)
            #expect(try answer.json()["error"]?["data"]?["supported"] == ["2026-07-28"])
        }
    }

    @Test func closingTheStreamCancels() async throws {
        let application = ModernApplication()
        try await HTTPTestServer.with(application) { server in
            let call = Task { try await Self.call(server, "wait") }
            try await eventually { application.noted.withLock { $0.startedWaits } == 1 }
            call.cancel()
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            _ = await call.result
        }
    }

    @Test func aCallThatSaysNothingIsKeptAliveByComments() async throws {
        let application = ModernApplication()
        var settings = StreamableHTTPSettings()
        settings.limits.heartbeat = .milliseconds(20)
        try await HTTPTestServer.with(application, settings: settings) { server in
            let body = Array(ModernRequestText.of("tools/call", #""name":"pause""#).utf8)
            let response = try await server.open(.POST, body, headers: Self.headers("tools/call", "pause"))
            #expect(response.status == .ok)
            #expect(response.headers.first(name: "content-type") == "text/event-stream")
            let reader = EventReader(response)
            try await eventually("the first comment, and more") {
                reader.bytes > 2 * ServerSentEvent.comment.readableBytes
            }
            #expect(reader.values.isEmpty)
            application.noted.withLock { $0.goesOn = true }
            try await eventually { reader.hasEnded }
            #expect(reader.values.count == 1)
            #expect(reader.values.first?["error"]?["code"] == -32_601)
        }
    }

    @Test func aClientThatTakesNoEventsGetsNoComments() async throws {
        let application = ModernApplication()
        var settings = StreamableHTTPSettings()
        settings.limits.heartbeat = .milliseconds(20)
        try await HTTPTestServer.with(application, settings: settings) { server in
            let silent = try await server.open(
                .POST, Array(ModernRequestText.of("tools/call", #""name":"pause""#).utf8),
                headers: Self.headers("tools/call", "pause"))
            var headers = Self.headers("tools/call", "pause")
            headers.replaceOrAdd(name: "accept", value: "application/json")
            async let answer = Self.call(server, "pause", headers: headers)
            let reader = EventReader(silent)
            try await eventually { reader.bytes > 5 * ServerSentEvent.comment.readableBytes }
            application.noted.withLock { $0.goesOn = true }
            #expect(try await answer.status == 404)
            #expect(try await answer.errorCode == -32_601)
        }
    }

    // MARK: Streams of notifications

    private static func listen(_ server: HTTPTestServer, _ filter: String) async throws -> HTTPClientResponse {
        try await server.open(
            .POST,
            Array(ModernRequestText.of("subscriptions/listen", #""notifications":{\#(filter)}"#, id: #""L""#).utf8),
            headers: headers("subscriptions/listen"))
    }

    @Test func aStreamAcknowledgesFirstAndSendsWhatWasAskedForWithItsId() async throws {
        let application = ModernApplication()
        try await HTTPTestServer.with(application) { server in
            let response = try await Self.listen(
                server, #""toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["a://b"]"#)
            #expect(response.headers.first(name: "x-accel-buffering") == "no")
            let reader = EventReader(response)
            try await eventually { reader.values.count == 1 }
            let first = try #require(reader.values.first)
            #expect(first["method"] == "notifications/subscriptions/acknowledged")
            #expect(
                first["params"]?["notifications"] == ["toolsListChanged": true, "resourceSubscriptions": ["a://b"]])
            application.tell(MCPMethod.promptsChanged)
            application.tell(MCPMethod.resourceUpdated, Document(object: ["uri": "a://bc"]))
            application.tell(MCPMethod.resourceUpdated, Document(object: ["uri": "a://b/c"]))
            application.tell(MCPMethod.toolsChanged)
            try await eventually { reader.values.count >= 3 }
            #expect(
                reader.values.dropFirst().map { $0["method"] } == [
                    "notifications/resources/updated", "notifications/tools/list_changed",
                ])
            let key = "io.modelcontextprotocol/subscriptionId"
            #expect(reader.values.allSatisfy { $0["params"]?["_meta"]?[key] == "L" })
            await server.endpoint.shutDown(grace: .seconds(60))
            try await eventually { reader.hasEnded }
            let last = try #require(reader.values.last)
            #expect(last["id"] == "L" && last["result"]?["_meta"]?[key] == "L")
            #expect(last["result"]?["resultType"] == "complete")
        }
    }

    @Test func aStreamEndsWithItsClientAndStreamsAreLimited() async throws {
        let application = ModernApplication()
        var settings = StreamableHTTPSettings()
        settings.limits.maxListenStreams = 1
        settings.limits.heartbeat = .milliseconds(20)
        try await HTTPTestServer.with(application, settings: settings) { server in
            let response = try await Self.listen(server, #""toolsListChanged":true"#)
            let reader = EventReader(response)
            try await eventually { reader.values.count == 1 }
            let size = reader.bytes
            try await eventually("comments keep it alive") { reader.bytes > size }
            let refused = try await Self.listen(server, "")
            #expect(refused.headers.first(name: "content-type") == "application/json")
            _ = try await refused.collect(upTo: 1_000)
            response.body.cancel()
            try await eventually { application.noted.withLock { $0.endedSubscriptions } == 1 }
        }
    }

    @Test func aStreamNeedsAClientThatTakesEvents() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            var headers = Self.headers("subscriptions/listen")
            headers.replaceOrAdd(name: "accept", value: "application/json")
            let answer = try await server.send(
                .POST, ModernRequestText.of("subscriptions/listen", #""notifications":{}"#), headers: headers)
            #expect(answer.status == 406)
        }
    }
}
