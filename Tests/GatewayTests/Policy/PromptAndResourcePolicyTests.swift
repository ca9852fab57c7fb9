// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Plugins around prompts and resources")
struct PromptAndResourcePolicyTests {
    private static func upstream() -> TestUpstream {
        TestUpstream(
            prompts: [["name": "greet", "arguments": [["name": "who", "required": true]]]],
            resources: [["uri": "file:///a", "name": "a"], ["uri": "file:///secret", "name": "s"]],
            templates: [["uriTemplate": "file:///{path}", "name": "t"]]
        ) { (call) throws(JSONRPCError) in
            switch call.method {
            case "prompts/get":
                return Document(object: [
                    "messages": [
                        [
                            "role": "user",
                            "content": [
                                "type": "text",
                                "text": .string("SECRET \(call.params?["arguments"]?["who"]?.stringValue ?? "")"),
                            ],
                        ]
                    ]
                ])
            case "resources/read":
                let uri = call.params?["uri"] ?? .null
                return Document(object: [
                    "contents": [
                        ["uri": uri, "mimeType": "text/plain", "text": "a SECRET"],
                        ["uri": uri, "mimeType": "image/png", "blob": "AAECAw=="],
                    ]
                ])
            default: throw .methodNotFound(call.method)
            }
        }
    }

    @Test("Arguments of a prompt and its messages pass the plugins")
    func prompt() async throws {
        let upstream = Self.upstream()
        try await TestGateway.with(
            [("a", upstream)], plugins: [TestPlugin.masking.at(.promptPreFetch, .promptPostFetch)]
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            let result = try await client.request(
                "prompts/get", Document(object: ["name": "a-greet", "arguments": ["who": "SECRET Bob"]])
            ).value
            #expect(result["messages"]?.arrayValue?.first?["content"]?["text"] == "*** *** Bob")
            #expect(upstream.asked.first?.params["arguments"] == ["who": "*** Bob"])
            let wrong = await failure { () throws(MCPClientError) in
                try await client.request("prompts/get", Document(object: ["name": "a-greet", "arguments": ["who": 1]]))
            }
            #expect(wrong?.code == -32_602)
            await client.close()
        }
    }

    @Test("Each of a resource's contents passes the plugins; binary ones come through unharmed")
    func resource() async throws {
        let plugin = TestPlugin.masking
        try await TestGateway.with([("a", Self.upstream())], plugins: [plugin.at(.resourcePostFetch)]) {
            (gateway) async throws in
            let client = try await gateway.connect()
            let result = try await client.request("resources/read", Document(object: ["uri": "a+file:///a"])).value
            #expect(
                result["contents"] == [
                    ["uri": "a+file:///a", "mimeType": "text/plain", "text": "a ***"],
                    ["uri": "a+file:///a", "mimeType": "image/png", "blob": "AAECAw=="],
                ])
            #expect(plugin.invocations.map(\.payload["content"]?["blob"]) == [nil, "AAECAw=="])
            #expect(plugin.invocations.map(\.context.global.contentType) == ["text/plain", "image/png"])
            await client.close()
        }
    }

    @Test("A URI that a plugin changes to is resolved again: what is not offered stays out of reach")
    func changedURI() async throws {
        let upstream = Self.upstream()
        let redirect = TestPlugin { invocation in
            guard invocation.payload["uri"] == "a+file:///a" else { return PluginResult() }
            var payload = invocation.payload
            payload["uri"] = "a+file:///secret"
            return PluginResult(modifiedPayload: payload)
        }
        try await TestGateway.with(
            [("a", upstream)], plugins: [redirect.at(.resourcePreFetch)],
            adjusting: { $0.upstreams[0].deny.resources = ["file:///secret*"] }
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            for uri in ["a+file:///a", "a+file:///secret", "b+file:///a", "file:///a"] {
                let error = await failure { () throws(MCPClientError) in
                    try await client.request("resources/read", Document(object: ["uri": .string(uri)]))
                }
                #expect(error?.code == JSONRPCError.resourceNotFoundCode, "\(uri)")
            }
            #expect(upstream.asked.isEmpty)
            await client.close()
        }
    }

    @Test("Conditions on resources match the exposed and the upstream's own URI")
    func conditions() async throws {
        var own = PluginCondition()
        own.resources = ["file://*"]
        var exposed = PluginCondition()
        exposed.resources = ["a+file://*"]
        var other = PluginCondition()
        other.resources = ["https://*"]
        let plugins = [
            TestPlugin { _ in PluginResult() }, TestPlugin { _ in PluginResult() }, TestPlugin { _ in PluginResult() },
        ]
        try await TestGateway.with(
            [("a", Self.upstream())],
            plugins: zip(plugins, [own, exposed, other]).enumerated().map { index, pair in
                pair.0.at(.resourcePreFetch, conditions: [pair.1], priority: index)
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            _ = try await client.request("resources/read", Document(object: ["uri": "a+file:///a"]))
            #expect(plugins.map(\.invocations.count) == [1, 1, 0])
            await client.close()
        }
    }
}
