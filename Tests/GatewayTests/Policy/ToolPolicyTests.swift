// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Plugins around tools")
struct ToolPolicyTests {
    private func condition(_ change: (inout PluginCondition) -> Void) -> PluginCondition {
        var condition = PluginCondition()
        change(&condition)
        return condition
    }

    @Test("Changed arguments reach the tool, the result passes the plugins after it")
    func changesBothWays() async throws {
        let upstream = TestUpstream()
        try await TestGateway.with(
            [("a", upstream)], plugins: [TestPlugin.masking.at(.toolPreInvoke, .toolPostInvoke)]
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            let result = try await client.call("a-echo", ["text": "a SECRET", "n": 12345678901234567])
            #expect(result.onlyText == #"{"text":"a ***","n":12345678901234567}"#)
            #expect(upstream.asked.last?.params["arguments"] == ["text": "a ***", "n": 12345678901234567])
            #expect(upstream.asked.last?.params["name"] == "echo")
            await client.close()
        }
    }

    @Test("A block is HTTP 200 with the JSON-RPC error of the reference, its status in the data; the session lives on")
    func block() async throws {
        let upstream = TestUpstream()
        try await TestGateway.with(
            [("a", upstream)], plugins: [TestPlugin.blocking("rm -rf", status: 403).at(.toolPreInvoke)]
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            let error = await failure { () throws(MCPClientError) in try await client.call("a-echo", ["x": "rm -rf /"])
            }
            #expect(
                error
                    == JSONRPCError(
                        code: -32_602, message: "Plugin Violation: found it",
                        data: [
                            "description": "found it", "plugin_error_code": "BAD", "plugin_name": "p100",
                            "http_status": 403,
                        ]))
            #expect(upstream.asked.isEmpty, "a blocked call never reaches the tool")
            #expect(try await client.call("a-echo", ["x": "ls"]).onlyText == #"{"x":"ls"}"#)
            await client.close()
        }
    }

    @Test("A tool that a plugin renames to is resolved and authorised as if the client had called it")
    func renames() async throws {
        let upstream = TestUpstream(tools: [
            TestUpstream.tool("read"), TestUpstream.tool("drop"), TestUpstream.tool("log"),
        ])
        let rename = TestPlugin { invocation in
            guard let target = invocation.payload["args"]?["target"] else { return PluginResult() }
            var payload = invocation.payload
            payload["name"] = target
            return PluginResult(modifiedPayload: payload)
        }
        let permission = TestPlugin { invocation in
            let isDenied = invocation.context.global.metadata["resource"]?.stringValue == "a-log"
            return PluginResult(
                modifiedPayload: Document(object: ["granted": .bool(!isDenied), "reason": "not that one"]))
        }
        try await TestGateway.with(
            [("a", upstream)],
            plugins: [rename.at(.toolPreInvoke), permission.at(.httpAuthCheckPermission, priority: 2)],
            adjusting: { settings in
                settings.upstreams[0].deny.tools = ["drop"]
                var server = VirtualServerSettings(id: "v")
                server.select.tools = ["a-read", "a-log"]
                settings.servers = [server]
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect("/servers/v/mcp")
            _ = try await client.call("a-read", [:])
            for target in ["a-drop", "drop", "read", "b-read", "A-READ", "а-read"] {
                let error = await failure { () throws(MCPClientError) in
                    try await client.call("a-read", ["target": .string(target)])
                }
                #expect(error?.code == -32_602 && error?.message == "Unknown tool: \(target)", "\(target)")
            }
            let denied = await failure { () throws(MCPClientError) in
                try await client.call("a-read", ["target": "a-log"])
            }
            #expect(denied?.message == "Permission tools.execute denied: not that one")
            #expect(denied?.data == ["http_status": 403])
            #expect(upstream.asked.map { $0.params["name"]?.stringValue } == ["read"])
            await client.close()
        }
    }

    @Test("Conditions match the exposed and the upstream's own name, before and after a plugin renames")
    func conditions() async throws {
        let upstream = TestUpstream(tools: [TestUpstream.tool("one"), TestUpstream.tool("two")])
        let exposed = TestPlugin { _ in PluginResult() }
        let original = TestPlugin { _ in PluginResult() }
        let other = TestPlugin { _ in PluginResult() }
        let renaming = TestPlugin.setting("name", to: "a-two")
        let afterRename = TestPlugin { _ in PluginResult() }
        let post = TestPlugin { _ in PluginResult() }
        try await TestGateway.with(
            [("a", upstream)],
            plugins: [
                exposed.at(.toolPreInvoke, conditions: [condition { $0.tools = ["a-one"] }], priority: 1),
                original.at(.toolPreInvoke, conditions: [condition { $0.tools = ["one"] }], priority: 2),
                other.at(.toolPreInvoke, conditions: [condition { $0.tools = ["two"] }], priority: 3),
                renaming.at(.toolPreInvoke, priority: 4),
                afterRename.at(.toolPreInvoke, conditions: [condition { $0.tools = ["two"] }], priority: 5),
                post.at(.toolPostInvoke, conditions: [condition { $0.tools = ["one"] }], priority: 6),
            ]
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            _ = try await client.call("a-one")
            #expect(exposed.invocations.count == 1)
            #expect(original.invocations.count == 1)
            #expect(other.invocations.isEmpty)
            #expect(afterRename.invocations.count == 1, "who guards what really goes on is asked")
            #expect(post.invocations.count == 1, "and so is who guards what was asked for")
            #expect(post.invocations.first?.payload["name"] == "a-two")
            await client.close()
        }
    }

    @Test("User, tenant and server come from the token and the route, whatever the client says of itself")
    func identity() async throws {
        let upstream = TestUpstream()
        let watching = TestPlugin { _ in PluginResult() }
        try await TestGateway.with(
            [("a", upstream)], plugins: [watching.at(.toolPreInvoke)],
            adjusting: { settings in
                var token = GatewayToken(token: "0123456789abcdef")
                token.user = ["email": "alice@example.com", "is_admin": true]
                token.tenant = "acme"
                settings.tokens = [token]
                settings.servers = [VirtualServerSettings(id: "v")]
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect(
                "/servers/v/mcp",
                headers: [
                    ("Authorization", "Bearer 0123456789abcdef"), ("X-User", "root"), ("X-Tenant-Id", "evil"),
                    ("X-Server-Id", "other"), ("Cookie", "session=SECRET"), ("X-Api-Key", "SECRET"), ("X-Trace", "1"),
                ])
            _ = try await client.call(
                "a-echo", [:],
                meta: ["user": "root", "tenant_id": "evil", "server_id": "other"])
            let call = try #require(watching.invocations.first)
            let global = call.context.global
            #expect(global.user == "alice@example.com", "the name alone, without include_user_info")
            #expect(global.tenantID == "acme" && global.serverID == "v")
            let headers = call.payload["headers"]?.objectValue ?? [:]
            #expect(headers["x-trace"] == "1")
            for secret in ["authorization", "cookie", "x-api-key", "mcp-session-id"] {
                #expect(headers[secret] == nil, "\(secret) is for http_auth_* alone")
            }
            let upstreamHeaders = try #require(upstream.asked.last).headers
            for header in ["authorization", "cookie", "x-api-key", "x-trace", "x-user"] {
                #expect(upstreamHeaders[header] == nil, "\(header) of a client does not go to an upstream")
            }
            await client.close()
        }
    }

    @Test("Headers that a plugin sets go to the upstream, those of the client and of the session do not change")
    func upstreamHeaders() async throws {
        let upstream = TestUpstream()
        let plugin = TestPlugin { invocation in
            var payload = invocation.payload
            var headers = payload["headers"]?.objectValue ?? [:]
            headers["X-Added"] = "yes"
            headers["Mcp-Session-Id"] = "evil"
            headers["X-Split"] = "a\r\nX-Evil: 1"
            payload["headers"] = .object(headers)
            return PluginResult(modifiedPayload: payload)
        }
        try await TestGateway.with([("a", upstream)], plugins: [plugin.at(.toolPreInvoke)]) { (gateway) async throws in
            let client = try await gateway.connect(headers: [("X-Client", "1")])
            #expect(try await client.call("a-echo").onlyText == "{}")
            let headers = try #require(upstream.asked.last).headers
            #expect(headers["x-added"] == "yes" && headers["x-client"] == nil && headers["x-evil"] == nil)
            #expect(headers["mcp-session-id"] != "evil" && headers["x-split"] == nil)
            await client.close()
        }
    }

    @Test("Nothing is decoded or asked when nobody listens: what goes on are the bytes that came")
    func untouched() async throws {
        let upstream = TestUpstream(tools: [TestUpstream.tool("echo")]) { (call) throws(JSONRPCError) in
            let text = (call.params?.document("arguments")?.encoded as? EncodedJSON)?.withBytes {
                String(decoding: $0, as: UTF8.self)
            }
            return TestUpstream.text(text ?? "decoded")
        }
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect()
            // Escapes and numbers that another encoder would write in another way.
            let bytes = Array(
                #"{"name":"a-echo","arguments":{ "é": "\u00e9\/", "n": 1.0e2, "big": 123456789012345678901 }}"#.utf8)
            let result = try await client.request("tools/call", try Document(checkingJSON: bytes)).value
            #expect(result.onlyText == #"{ "é": "\u00e9\/", "n": 1.0e2, "big": 123456789012345678901 }"#)
            await client.close()
        }
    }

    @Test("A call is repeated after the delay that a plugin wants, only if the tool says that it may be")
    func repeats() async throws {
        let upstream = TestUpstream(tools: [
            TestUpstream.tool("safe", ["annotations": ["readOnlyHint": true]]), TestUpstream.tool("unsafe"),
        ])
        let retrying = TestPlugin { _ in PluginResult(retryDelayMilliseconds: 1) }
        try await TestGateway.with([("a", upstream)], plugins: [retrying.at(.toolPostInvoke)]) {
            (gateway) async throws in
            let client = try await gateway.connect()
            _ = try await client.call("a-unsafe")
            #expect(upstream.asked.count == 1)
            _ = try await client.call("a-safe")
            #expect(upstream.asked.count == 5, "once, and three times more")
            await client.close()
        }
    }
}
