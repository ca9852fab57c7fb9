// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Who may use the gateway")
struct AdmissionTests {
    private static let initialize =
        #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#

    private func post(
        _ gateway: TestGateway, _ path: String = "/mcp", _ further: [(String, String)] = [],
        body: String = AdmissionTests.initialize, host: String = "localhost"
    ) async throws -> HTTPClientResponse {
        var headers: HTTPHeaders = [
            "content-type": "application/json", "accept": "application/json, text/event-stream",
        ]
        for (name, value) in further { headers.replaceOrAdd(name: name, value: value) }
        let address = try HTTPAddress("http://\(host)\(path)", unixSocket: gateway.folder.socket("gateway"))
        return try await gateway.http.execute(
            HTTPClientRequest(method: .POST, address: address, headers: headers, body: ByteBuffer(string: body)),
            deadline: .now() + .seconds(60))
    }

    private func status(
        _ gateway: TestGateway, _ path: String = "/mcp", _ further: [(String, String)] = [], host: String = "localhost"
    ) async throws -> Int {
        let response = try await post(gateway, path, further, host: host)
        _ = try await response.collect(upTo: 1 << 20)
        return Int(response.status.code)
    }

    private static let tokens: @Sendable (inout GatewaySettings) -> Void = { settings in
        var narrow = GatewayToken(token: "narrow-narrow-narrow")
        narrow.servers = ["v"]
        settings.tokens = [GatewayToken(token: "0123456789abcdef"), narrow]
        settings.servers = [VirtualServerSettings(id: "v")]
    }

    @Test("A token is asked for, and a wrong one is none")
    func tokens() async throws {
        try await TestGateway.with([("a", TestUpstream())], adjusting: Self.tokens) { (gateway) async throws in
            #expect(try await status(gateway) == 401)
            for wrong in ["Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "Basic 0123456789abcdef", "Bearer"] {
                let status = try await status(gateway, "/mcp", [("authorization", wrong)])
                #expect(status == 401 || status == 400, "\(wrong)")
            }
            #expect(try await status(gateway, "/mcp?access_token=0123456789abcdef") == 400)
            #expect(try await status(gateway, "/mcp", [("authorization", "Bearer 0123456789abcdef")]) == 200)
            let refused = try await post(gateway)
            _ = try await refused.collect(upTo: 1 << 20)
            #expect(refused.headers.first(name: "www-authenticate")?.hasPrefix("Bearer") == true)
        }
    }

    @Test("A token for one virtual server opens no other, and sessions are of the token that began them")
    func narrowTokens() async throws {
        try await TestGateway.with([("a", TestUpstream())], adjusting: Self.tokens) { (gateway) async throws in
            let narrow = ("authorization", "Bearer narrow-narrow-narrow")
            let wide = ("authorization", "Bearer 0123456789abcdef")
            #expect(try await status(gateway, "/mcp", [narrow]) == 403)
            let begun = try await post(gateway, "/servers/v/mcp", [narrow])
            _ = try await begun.collect(upTo: 1 << 20)
            let session = try #require(begun.headers.first(name: "mcp-session-id"))
            let ping = #"{"jsonrpc":"2.0","id":2,"method":"ping"}"#
            for (token, expected) in [(narrow, 200), (wide, 404)] {
                let response = try await post(
                    gateway, "/servers/v/mcp", [token, ("mcp-session-id", session)], body: ping)
                _ = try await response.collect(upTo: 1 << 20)
                #expect(Int(response.status.code) == expected)
            }
        }
    }

    @Test("Pages of other origins and names that are not ours are kept out")
    func origins() async throws {
        try await TestGateway.with(
            [("a", TestUpstream())],
            adjusting: {
                $0.listen.allowedOrigins = ["https://app.example.com"]
                $0.listen.allowedHosts = ["gw.example.com"]
            }
        ) { (gateway) async throws in
            #expect(try await status(gateway, "/mcp", [("origin", "https://evil.example.com")]) == 403)
            #expect(try await status(gateway, "/mcp", [("origin", "null")]) == 403)
            #expect(try await status(gateway, "/mcp", host: "evil.example.com") == 421)
            #expect(try await status(gateway, "/mcp", host: "localhost.evil.example.com") == 421)
            #expect(try await status(gateway, "/mcp", [("origin", "https://app.example.com")]) == 200)
            #expect(try await status(gateway, "/mcp", host: "gw.example.com:8080") == 200)
            #expect(try await status(gateway, "/mcp", [("origin", "http://localhost:3000")]) == 200)
        }
    }

    @Test("Other paths answer what they are for, or 404")
    func paths() async throws {
        try await TestGateway.with([("a", TestUpstream())], adjusting: Self.tokens) { (gateway) async throws in
            #expect(try await gateway.get("/health").body == ["status": "healthy"])
            #expect(try await gateway.get("/version").body == ["name": "gatehouse", "version": "test"])
            #expect(await eventually { (try? await gateway.get("/ready").status) == 200 })
            for path in ["/", "/mcpx", "/servers/none/mcp", "/servers/v", "/servers/../mcp", "/MCP"] {
                #expect(
                    try await status(gateway, path, [("authorization", "Bearer 0123456789abcdef")]) == 404, "\(path)")
            }
        }
    }

    @Test("A key that comes twice is refused before any plugin could see another value than the tool")
    func duplicateKeys() async throws {
        let plugin = TestPlugin { _ in PluginResult() }
        let upstream = TestUpstream()
        try await TestGateway.with([("a", upstream)], plugins: [plugin.at(.toolPreInvoke)]) { (gateway) async throws in
            let begun = try await post(gateway)
            _ = try await begun.collect(upTo: 1 << 20)
            let session = try #require(begun.headers.first(name: "mcp-session-id"))
            for arguments in [#"{"x":"a","x":"b"}"#, #"{"x":"a","\u0078":"b"}"#] {
                let call =
                    #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a-echo","arguments":\#(arguments)}}"#
                let response = try await post(gateway, "/mcp", [("mcp-session-id", session)], body: call)
                let body = try await response.collect(upTo: 1 << 20)
                #expect(response.status.code == 400)
                #expect(try JSONParser.decode(body.readableBytesView)["error"]?["code"] == -32_700)
            }
            #expect(plugin.invocations.isEmpty && upstream.asked.isEmpty)
        }
    }

    // MARK: Plugins

    @Test("A plugin at http_pre_request refuses with the status of its violation, and sees no credentials")
    func preRequest() async throws {
        let plugin = TestPlugin { invocation in
            guard invocation.payload["headers"]?["x-evil"] != nil else { return PluginResult() }
            return PluginResult(
                continueProcessing: false,
                violation: PluginViolation(
                    code: "RATE_LIMIT", reason: "slow", httpHeaders: ["Retry-After": "7"]))
        }
        try await TestGateway.with(
            [("a", TestUpstream())], plugins: [plugin.at(.httpPreRequest)], adjusting: Self.tokens
        ) { (gateway) async throws in
            let token = ("authorization", "Bearer 0123456789abcdef")
            #expect(try await status(gateway, "/mcp", [token, ("cookie", "a=b")]) == 200)
            let response = try await post(gateway, "/mcp", [token, ("x-evil", "1")])
            let body = try await response.collect(upTo: 1 << 20)
            #expect(response.status.code == 429 && response.headers.first(name: "retry-after") == "7")
            #expect(
                try JSONParser.decode(body.readableBytesView)["error"]?["data"]?["plugin_error_code"] == "RATE_LIMIT")
            for call in plugin.invocations {
                #expect(call.payload["headers"]?["authorization"] == nil && call.payload["headers"]?["cookie"] == nil)
                #expect(call.payload["path"] == "/mcp" && call.payload["method"] == "POST")
            }
        }
    }

    @Test(
        "A plugin at http_post_request sets headers of the answer, but none that hold the session together, and may refuse"
    )
    func postRequest() async throws {
        let plugin = TestPlugin { invocation in
            guard invocation.payload["headers"]?["x-evil"] == nil else {
                return PluginResult(
                    continueProcessing: false, violation: PluginViolation(code: "BLOCKED", reason: "no"))
            }
            return PluginResult(
                modifiedPayload: Document(object: [
                    "X-Seen": invocation.payload["status_code"].map { .string("\($0)") } ?? "",
                    "Content-Type": "text/html", "Mcp-Session-Id": "x",
                ]))
        }
        try await TestGateway.with([("a", TestUpstream())], plugins: [plugin.at(.httpPostRequest)]) {
            (gateway) async throws in
            let response = try await post(gateway)
            _ = try await response.collect(upTo: 1 << 20)
            #expect(response.headers.first(name: "x-seen") == "200")
            #expect(response.headers.first(name: "content-type")?.hasPrefix("text/html") == false)
            #expect(response.headers.first(name: "mcp-session-id") != "x")
            #expect(try await status(gateway, "/mcp", [("x-evil", "1")]) == 403)
            let client = try await gateway.connect()
            #expect(try await client.call("a-echo").onlyText == "{}")
            await client.close()
        }
    }

    @Test("Headers of plugins around a tool, and of a violation, come with the answer")
    func toolHeaders() async throws {
        let plugin = TestPlugin { invocation in
            guard invocation.payload["args"]?["bad"] == nil else {
                return PluginResult(
                    continueProcessing: false,
                    violation: PluginViolation(code: "RATE_LIMIT", reason: "slow", httpHeaders: ["Retry-After": "7"]))
            }
            return PluginResult(httpHeaders: ["X-Checked": "yes", "Mcp-Session-Id": "evil"])
        }
        try await TestGateway.with([("a", TestUpstream())], plugins: [plugin.at(.toolPreInvoke)]) {
            (gateway) async throws in
            let begun = try await post(gateway)
            _ = try await begun.collect(upTo: 1 << 20)
            let session = try #require(begun.headers.first(name: "mcp-session-id"))
            func call(_ arguments: String) async throws -> HTTPClientResponse {
                let body =
                    #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a-echo","arguments":\#(arguments)}}"#
                let response = try await post(gateway, "/mcp", [("mcp-session-id", session)], body: body)
                _ = try await response.collect(upTo: 1 << 20)
                return response
            }
            let checked = try await call("{}")
            #expect(checked.status == .ok && checked.headers.first(name: "x-checked") == "yes")
            #expect(checked.headers.first(name: "mcp-session-id") != "evil")
            let blocked = try await call(#"{"bad":1}"#)
            #expect(blocked.status == .ok && blocked.headers.first(name: "retry-after") == "7")
        }
    }

    @Test("A plugin at http_auth_resolve_user gets the credentials and says who it is; another decides what it may")
    func resolvesUser() async throws {
        let resolving = TestPlugin { invocation in
            guard invocation.payload["credentials"]?["credentials"] == "magic" else { return PluginResult() }
            return PluginResult(
                modifiedPayload: Document(object: ["email": "bob@example.com", "tenant_id": "t1", "is_admin": false]))
        }
        let permission = TestPlugin { invocation in
            PluginResult(
                modifiedPayload: Document(object: [
                    "granted": .bool(invocation.payload["permission"] != "tools.execute")
                ]))
        }
        let upstream = TestUpstream()
        try await TestGateway.with(
            [("a", upstream)],
            plugins: [
                resolving.at(.httpAuthResolveUser, priority: 1), permission.at(.httpAuthCheckPermission, priority: 2),
            ], adjusting: Self.tokens
        ) { (gateway) async throws in
            #expect(try await status(gateway, "/mcp", [("authorization", "Bearer other")]) == 401)
            let client = try await gateway.connect(headers: [("authorization", "Bearer magic")])
            let error = await failure { () throws(MCPClientError) in try await client.call("a-echo") }
            #expect(error?.data?["http_status"] == 403)
            #expect(upstream.asked.isEmpty)
            #expect(permission.invocations.last?.payload["user_email"] == "bob@example.com")
            #expect(permission.invocations.last?.context.global.tenantID == "t1")
            await client.close()
        }
    }

    @Test("A plugin that denies the server closes it with 403; one that fails closes it as well")
    func deniesServer() async throws {
        let denying = TestPlugin { _ in PluginResult(modifiedPayload: Document(object: ["granted": false])) }
        try await TestGateway.with([("a", TestUpstream())], plugins: [denying.at(.httpAuthCheckPermission)]) {
            (gateway) async throws in
            #expect(try await status(gateway) == 403)
        }
        let odd = TestPlugin { _ in PluginResult(modifiedPayload: Document(object: ["granted": "yes"])) }
        try await TestGateway.with([("a", TestUpstream())], plugins: [odd.at(.httpAuthCheckPermission)]) {
            (gateway) async throws in
            #expect(try await status(gateway) == 403)
        }
    }
}
