// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import NIOHTTP1
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Scopes")
struct ScopeTests {
    private static let settings: @Sendable (inout GatewaySettings) -> Void = { settings in
        settings.authentication.issuers = [TestIssuer.settings]
        settings.authentication.requiredScopes = ["mcp"]
        settings.servers = [VirtualServerSettings(id: "dev")]
        settings.servers[0].scopes = ["dev"]
        settings.servers[0].usesPrefixes = false
        settings.upstreams[0].scopes = ["a"]
        settings.upstreams[0].toolScopes = [
            ToolScopes(pattern: "write*", scopes: ["a:write"]), ToolScopes(pattern: "*_all", scopes: ["a:all"]),
        ]
    }

    private static var upstream: TestUpstream {
        TestUpstream(
            tools: ["read", "write", "write_all"].map { TestUpstream.tool($0) },
            prompts: [["name": "p"]], resources: [["uri": "x://r", "name": "r"]]
        ) { (call) throws(JSONRPCError) in
            switch call.method {
            case "tools/call": TestUpstream.text("done")
            case "prompts/get": Document(object: ["messages": []])
            default: Document(object: ["contents": []])
            }
        }
    }

    private func client(_ gateway: TestGateway, _ scopes: String, _ path: String = "/mcp") async throws -> MCPClient {
        let token = TestIssuer.token(["scope": .string(scopes)])
        return try await gateway.connect(path, headers: [("authorization", "Bearer \(token)")])
    }

    @Test("Everything and each virtual server may need scopes: HTTP 403 and what is needed")
    func servers() async throws {
        try await TestGateway.with([("a", Self.upstream)], adjusting: Self.settings) { (gateway) async throws in
            for (path, scopes, status, needed) in [
                ("/mcp", "", 403, "mcp"), ("/mcp", "mcp", 200, ""), ("/mcp", "MCP dev", 403, "mcp"),
                ("/servers/dev/mcp", "mcp", 403, "mcp dev"), ("/servers/dev/mcp", "dev", 403, "mcp dev"),
                ("/servers/dev/mcp", "dev mcp", 200, ""),
            ] {
                let answer = try await gateway.post(path, token: TestIssuer.token(["scope": .string(scopes)]))
                #expect(answer.status == status, "\(path) with \(scopes)")
                if status == 403 {
                    #expect(
                        answer.challenge?.contains("error=\"insufficient_scope\"") == true
                            && answer.challenge?.contains("scope=\"\(needed)\"") == true, "\(answer.challenge ?? "")")
                }
            }
            let missing = try await gateway.post("/servers/dev/mcp")
            #expect(missing.status == 401 && missing.challenge?.contains("scope=\"mcp dev\"") == true)
        }
    }

    @Test(
        "A tool, prompt or resource is called with the scopes of its upstream, and a tool with those of all its patterns"
    )
    func upstreams() async throws {
        let upstream = Self.upstream
        try await TestGateway.with([("a", upstream)], adjusting: Self.settings) { (gateway) async throws in
            func lacking(
                _ scopes: String, _ method: String, _ params: ValueObject, _ path: String = "/mcp"
            ) async throws
                -> String
            {
                let client = try await client(gateway, scopes, path)
                let error = await failure { () async throws(MCPClientError) in
                    try await client.request(method, Document(object: params), options: .init())
                }
                await client.close()
                guard let error else { return "" }
                #expect(error.data?["http_status"] == 403 && error.data?["error"] == "insufficient_scope")
                return error.data?["scope"]?.stringValue ?? "-"
            }
            #expect(try await lacking("mcp", "tools/call", ["name": "a-read"]) == "a")
            #expect(try await lacking("mcp a", "tools/call", ["name": "a-read"]) == "")
            #expect(try await lacking("mcp a", "tools/call", ["name": "a-write"]) == "a a:write")
            #expect(try await lacking("mcp a a:write", "tools/call", ["name": "a-write"]) == "")
            #expect(try await lacking("mcp a a:write", "tools/call", ["name": "a-write_all"]) == "a a:write a:all")
            #expect(try await lacking("mcp a a:write a:all", "tools/call", ["name": "a-write_all"]) == "")
            let dev = "/servers/dev/mcp"
            #expect(
                try await lacking("mcp dev a", "tools/call", ["name": "write"], dev) == "a a:write",
                "another name of a tool leads around nothing")
            #expect(try await lacking("mcp", "prompts/get", ["name": "a-p"]) == "a")
            #expect(try await lacking("mcp a", "prompts/get", ["name": "a-p"]) == "")
            #expect(try await lacking("mcp", "resources/read", ["uri": "a+x://r"]) == "a")
            #expect(try await lacking("mcp", "resources/subscribe", ["uri": "a+x://r"]) == "a")
            #expect(try await lacking("mcp a", "resources/read", ["uri": "a+x://r"]) == "")
            #expect(
                try await lacking(
                    "mcp", "completion/complete",
                    ["ref": ["type": "ref/prompt", "name": "a-p"], "argument": ["name": "n", "value": "v"]]) == "a")
            #expect(upstream.asked.count == 5)
        }
    }

    @Test("What a plugin makes of a call needs the scopes of what it became")
    func renamed() async throws {
        let upstream = Self.upstream
        let plugin = TestPlugin.setting("name", to: "a-write")
        try await TestGateway.with([("a", upstream)], plugins: [plugin.at(.toolPreInvoke)], adjusting: Self.settings) {
            (gateway) async throws in
            let client = try await client(gateway, "mcp a")
            let error = await failure { () async throws(MCPClientError) in try await client.call("a-read") }
            #expect(error?.data?["scope"] == "a a:write")
            await client.close()
            #expect(upstream.asked.isEmpty)
        }
    }

    @Test("A call that lacks scopes is HTTP 403, with a challenge that names all that the next token needs")
    func stepUp() async throws {
        let upstream = Self.upstream
        try await TestGateway.with(
            [("a", upstream)],
            adjusting: { settings in
                Self.settings(&settings)
                settings.authentication.resource = "https://gateway.example.com"
            }
        ) { (gateway) async throws in
            for (path, name, scopes, needed) in [
                ("/mcp", "a-write", "mcp a", "mcp a a:write"),
                ("/servers/dev/mcp", "write", "mcp dev", "mcp dev a a:write"),
            ] {
                let token = TestIssuer.token(["scope": .string(scopes)])
                let begun = try await gateway.post(path, token: token)
                let session = [("mcp-session-id", begun.headers.first(name: "mcp-session-id") ?? "")]
                func call() async throws -> TestAnswer {
                    try await gateway.post(
                        path, token: token, headers: session,
                        body: #"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"\#(name)"}}"#)
                }
                let refused = try await call()
                #expect(refused.status == 403)
                let challenge = refused.challenge ?? ""
                #expect(challenge.hasPrefix("Bearer ") && challenge.contains("error=\"insufficient_scope\""))
                #expect(challenge.contains("scope=\"\(needed)\""), "\(challenge)")
                #expect(
                    challenge.contains(
                        "resource_metadata=\"https://gateway.example.com/.well-known/oauth-protected-resource\(path)\"")
                )
                #expect(refused.headers.first(name: "content-type") == "application/json")
                let body = try JSONParser.decode(refused.body.utf8)
                #expect(body["id"] == "x" && body["error"]?["data"]?["error"] == "insufficient_scope")
                // The session goes on, with this token and with a better one.
                let pong = try await gateway.post(
                    path, token: token, headers: session, body: #"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)
                #expect(pong.status == 200)
                let better = try await gateway.post(
                    path, token: TestIssuer.token(["scope": .string(needed)]), headers: session,
                    body: #"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"\#(name)"}}"#)
                #expect(better.status == 200 && better.body.contains("done"))
            }
            #expect(upstream.asked.count == 2)
        }
    }

    @Test("A call without a session that lacks scopes is HTTP 403 as well")
    func stepUpWithoutASession() async throws {
        let upstream = Self.upstream
        try await TestGateway.with([("a", upstream)], adjusting: Self.settings) { (gateway) async throws in
            let meta = [
                #""io.modelcontextprotocol/protocolVersion":"2026-07-28""#,
                #""io.modelcontextprotocol/clientCapabilities":{}"#,
            ].joined(separator: ",")
            func call(_ scopes: String) async throws -> TestAnswer {
                try await gateway.post(
                    "/mcp", token: TestIssuer.token(["scope": .string(scopes)]),
                    headers: [
                        ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "a-write"),
                    ],
                    body:
                        #"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"a-write","_meta":{\#(meta)}}}"#
                )
            }
            let refused = try await call("mcp a")
            #expect(refused.status == 403)
            #expect(refused.challenge?.contains("scope=\"mcp a a:write\"") == true)
            let body = try JSONParser.decode(refused.body.utf8)
            #expect(body["id"] == "x" && body["error"]?["data"]?["error"] == "insufficient_scope")
            let better = try await call("mcp a a:write")
            #expect(better.status == 200 && better.body.contains("done"))
        }
    }

    @Test("In a batch a call that lacks scopes is an error like others, and the rest is answered")
    func batch() async throws {
        try await TestGateway.with([("a", Self.upstream)], adjusting: Self.settings) { (gateway) async throws in
            let token = TestIssuer.token(["scope": "mcp a"])
            let begun = try await gateway.post(
                token: token, body: TestGateway.initialize.replacing("2025-11-25", with: "2025-03-26"))
            let answer = try await gateway.post(
                token: token, headers: [("mcp-session-id", begun.headers.first(name: "mcp-session-id") ?? "")],
                body: #"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a-write"}},"#
                    + #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a-read"}}]"#)
            #expect(answer.status == 200)
            let answers = try JSONParser.decode(answer.body.utf8).arrayValue ?? []
            #expect(answers.count == 2)
            #expect(answers.contains { $0["id"] == 1 && $0["error"]?["data"]?["http_status"] == 403 })
            #expect(answers.contains { $0["id"] == 2 && $0["result"] != nil })
        }
    }
}
