// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOHTTP1
import Synchronization
import Testing
import Values

/// The rules of the lifecycle, for the revisions with a handshake.
@Suite struct LifecycleRuleTests {
    @Test(arguments: ProtocolRevision.handshake.map(\.name))
    func aRevisionThatIsSpokenIsTheOneAnswered(version: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let answer = try await server.post(HTTPTestServer.initializeBody(version)).json()
            #expect(answer["result"]?["protocolVersion"]?.stringValue == version)
        }
    }

    @Test(arguments: ["1999-01-01", "2026-07-28", "draft", "", "2025-06-18 "])
    func anyOtherRevisionIsAnsweredWithTheLatestAndNeverWithAnError(version: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let answer = try await server.post(HTTPTestServer.initializeBody(version)).json()
            #expect(answer["result"]?["protocolVersion"] == "2025-11-25")
        }
    }

    @Test func theAnswerTellsCapabilitiesNameAndInstructions() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let result = try await server.post(HTTPTestServer.initializeBody()).json()["result"]
            #expect(result?["capabilities"] == ["tools": [:]])
            #expect(result?["serverInfo"] == ["name": "scripted", "version": "1"])
            #expect(result?["instructions"] == "none")
        }
    }

    @Test(
        arguments: [
            "{}", #"{"protocolVersion":"2025-11-25"}"#, #"{"protocolVersion":5,"capabilities":{},"clientInfo":{}}"#,
            #"{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":{}}"#,
            #"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":"x"}"#,
        ])
    func aMalformedInitializeIsInvalidParams(params: String) async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let answer = try await server.post(
                #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":\#(params)}"#)
            #expect(answer.errorCode == -32_602)
            #expect(answer.headers.first(name: "mcp-session-id") == nil)
        }
    }

    @Test func anApplicationMayRefuseASession() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            let answer = try await server.post(
                HTTPTestServer.initializeBody().replacing(#""name":"test""#, with: #""name":"unwelcome""#))
            #expect(answer.errorCode == -32_600)
            #expect(answer.headers.first(name: "mcp-session-id") == nil)
            #expect(server.endpoint.sessionCount == 0)
        }
        #expect(application.noted.withLock { $0.endedSessions } == 1)
    }

    @Test func aSessionBeginsOnce() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            let session = try await server.begin()
            let again = try await server.post(HTTPTestServer.initializeBody(id: "1"), session: session)
            #expect(again.status == 400 && again.errorCode == -32_600)
        }
    }

    @Test func theSessionKnowsWhenTheClientHasTakenTheAnswer() async throws {
        let application = ScriptedApplication()
        try await HTTPTestServer.with(application) { server in
            _ = try await server.post(HTTPTestServer.initializeBody())
            let early = try #require(application.noted.withLock { $0.sessions.first })
            #expect(!early.isInitialized)
            #expect(early.revision == .v2025_11_25)
            #expect(early.clientInfo["name"] == "test")
            #expect(early.clientCapabilities == ["elicitation": [:]])
            _ = try await server.begin()
            #expect(application.noted.withLock { $0.sessions.last?.isInitialized } == true)
        }
    }

    @Test func ourClientSpeaksEveryRevisionAndTellsItInTheHeaderFrom20250618On() async throws {
        let seen = HeaderRecorder()
        try await HTTPTestServer.with(ScriptedApplication(), admission: seen) { server in
            for revision in ProtocolRevision.handshake {
                let client = try await server.connect(revision: revision)
                #expect(client.server.revision == revision)
                _ = try await client.request("echo")
                await client.close()
                let headers = seen.last(of: "echo")
                #expect(
                    headers?.first(name: "mcp-protocol-version") == (revision.hasVersionHeader ? revision.name : nil))
                #expect(headers?.first(name: "mcp-session-id") != nil)
                #expect(headers?.first(name: "accept") == "application/json, text/event-stream")
            }
        }
    }

    // MARK: Modern probes

    @Test func aProbeOfALaterRevisionIsRefusedWith400AndAListThatLeadsToTheHandshake() async throws {
        try await HTTPTestServer.with(ScriptedApplication()) { server in
            var headers = HTTPTestServer.usualHeaders
            headers.add(name: "mcp-protocol-version", value: "2026-07-28")
            headers.add(name: "mcp-method", value: "server/discover")
            let answer = try await server.send(
                .POST,
                #"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"#
                    + #""io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#, headers: headers)
            #expect(answer.status == 400)
            let error = try answer.json()["error"]
            #expect(error?["code"] == -32_022)
            #expect(error?["data"]?["supported"] == ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
            #expect(error?["data"]?["requested"] == "2026-07-28")
            #expect(try answer.json()["id"] == 1)
        }
    }

    @Test(arguments: [false, true])
    func aProbeWithoutHeadersIsRefusedAtOnceToo(isStateless: Bool) async throws {
        try await HTTPTestServer.with(ScriptedApplication(isStateless: isStateless)) { server in
            let answer = try await server.post(#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#)
            #expect(answer.status == 400)
            #expect(answer.errorCode == -32_601)
        }
    }
}
