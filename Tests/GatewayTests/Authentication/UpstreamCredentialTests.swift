// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("Credentials of the gateway's own")
struct UpstreamCredentialTests {
    /// A token endpoint that gives out t1, t2, and so on.
    private final class TokenEndpoint: Sendable {
        let count = Atomic(0)

        func answer() -> HTTPServerResponse {
            let number = count.wrappingAdd(1, ordering: .relaxed).newValue
            return HTTPServerResponse(
                status: .ok,
                body: ByteBuffer(string: #"{"access_token":"t\#(number)","token_type":"Bearer","expires_in":3600}"#))
        }
    }

    private static func oauth(_ settings: inout GatewaySettings, _ base: String) {
        guard case .http(var address) = settings.upstreams[0].target else { return }
        address.oauth = UpstreamOAuth(tokenURL: "\(base)/token", clientID: "gw", clientSecret: "hush-hush-hush")
        settings.upstreams[0].target = .http(address)
    }

    @Test("An upstream gets the gateway's token, and never the client's")
    func clientCredentials() async throws {
        let endpoint = TokenEndpoint()
        let upstream = TestUpstream()
        try await TestWebService.with({ _ in endpoint.answer() }) { (service, base) async throws in
            try await TestGateway.with(
                [("a", upstream), ("b", TestUpstream())],
                adjusting: { settings in
                    Self.oauth(&settings, base)
                    settings.tokens = [GatewayToken(token: "0123456789abcdef")]
                }
            ) { (gateway) async throws in
                let client = try await gateway.connect(headers: [("authorization", "Bearer 0123456789abcdef")])
                for _ in 0..<3 { _ = try await client.call("a-echo") }
                await client.close()
            }
            #expect(upstream.asked.map { $0.headers["authorization"] } == ["Bearer t1", "Bearer t1", "Bearer t1"])
            #expect(service.requests.count == 1, "one token for all")
            #expect(service.requests.first?.headers.first(name: "authorization")?.hasPrefix("Basic ") == true)
        }
    }

    @Test("An upstream that does not take the token any more gets another one, once")
    func rejected() async throws {
        let endpoint = TokenEndpoint()
        try await TestWebService.with({ request in
            guard request.path != "/token" else { return endpoint.answer() }
            // An MCP server that takes no token but the second.
            guard request.headers.first(name: "authorization") == "Bearer t2" else {
                return HTTPServerResponse(status: .unauthorized, headers: ["www-authenticate": "Bearer"])
            }
            return Self.mcp(request)
        }) { (service, base) async throws in
            try await TestGateway.with(
                [("a", TestUpstream())],
                adjusting: { settings in
                    settings.upstreams[0].target = .http(UpstreamAddress(url: "\(base)/mcp"))
                    Self.oauth(&settings, base)
                }
            ) { (gateway) async throws in
                let client = try await gateway.connect()
                #expect(try await client.call("a-only").onlyText == "done")
                await client.close()
                #expect(endpoint.count.load(ordering: .relaxed) == 2)
                #expect(service.requests.contains { $0.headers.first(name: "authorization") == "Bearer t1" })
            }
        }
    }

    @Test("Without a token the upstream is down, says why, and tells no secret")
    func refused() async throws {
        try await TestWebService.with({ _ in
            HTTPServerResponse(status: .unauthorized, body: ByteBuffer(string: #"{"error":"invalid_client"}"#))
        }) { (_, base) async throws in
            let upstream = TestUpstream()
            try await TestGateway.with([("a", upstream), ("b", TestUpstream())], adjusting: { Self.oauth(&$0, base) }) {
                (gateway) async throws in
                let client = try await gateway.connect()
                let error = await failure { () async throws(MCPClientError) in try await client.call("a-echo") }
                #expect(error?.message.contains("invalid_client") == true, "\(error?.message ?? "")")
                #expect(error?.message.contains("hush") == false)
                #expect(try await client.call("b-echo").onlyText == "{}", "others are served")
                await client.close()
                #expect(upstream.asked.isEmpty && upstream.sessionCount == 0)
            }
        }
    }

    /// The least that an MCP server answers.
    private static func mcp(_ request: HTTPServerRequest) -> HTTPServerResponse {
        guard request.method == .POST else { return HTTPServerResponse(status: .methodNotAllowed) }
        guard let message = try? JSONParser.decode(request.body.readableBytesView), let id = message["id"] else {
            return HTTPServerResponse(status: .accepted)
        }
        let result: Value
        switch message["method"]?.stringValue {
        case "initialize":
            result = [
                "protocolVersion": "2025-06-18", "capabilities": ["tools": [:]],
                "serverInfo": ["name": "x", "version": "1"],
            ]
        case "tools/list": result = ["tools": [["name": "only", "inputSchema": ["type": "object"]]]]
        default: result = ["content": [["type": "text", "text": "done"]]]
        }
        let answer: Value = ["jsonrpc": "2.0", "id": id, "result": result]
        return HTTPServerResponse(
            status: .ok, headers: ["content-type": "application/json"], body: ByteBuffer(string: answer.description))
    }
}
