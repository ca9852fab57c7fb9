// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Signed tokens at the gateway")
struct TokenTests {
    private static let settings: @Sendable (inout GatewaySettings) -> Void = { settings in
        settings.authentication.issuers = [TestIssuer.settings]
        settings.authentication.resource = "https://gw.example.com"
        settings.tokens = [GatewayToken(token: "0123456789abcdef")]
    }

    /// One row of the attackers' table.
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        let error: String?
        var headers: [(String, String)] = []
        var path = "/mcp"

        init(_ name: String, _ status: Int, _ error: String?, _ token: String) {
            (testDescription, self.status, self.error) = (name, status, error)
            headers = [("authorization", "Bearer \(token)")]
        }

        init(_ name: String, _ status: Int, _ error: String?, headers: [(String, String)], path: String = "/mcp") {
            (testDescription, self.status, self.error) = (name, status, error)
            (self.headers, self.path) = (headers, path)
        }
    }

    private static var attacks: [Attack] {
        let good = TestIssuer.token()
        let parts = good.split(separator: ".").map(String.init)
        let none = TestIssuer.encode(#"{"alg":"none"}"#.utf8)
        let invalid = "invalid_token"
        let malformed = "invalid_request"
        return [
            Attack("no token", 401, nil, headers: []),
            Attack("another scheme", 401, nil, headers: [("authorization", "Basic YTpi")]),
            Attack("alg none without signature", 401, invalid, "\(none).\(parts[1])."),
            Attack("alg none with the old signature", 401, invalid, "\(none).\(parts[1]).\(parts[2])"),
            Attack("another algorithm", 401, invalid, TestIssuer.token(header: ["alg": "RS256"])),
            Attack("another secret", 401, invalid, TestIssuer.token(secret: String(repeating: "x", count: 40))),
            Attack("an empty secret", 401, invalid, TestIssuer.token(secret: "")),
            Attack(
                "a key of its own", 401, invalid,
                TestIssuer.token(header: ["alg": "HS256", "jwk": ["kty": "oct", "k": ""]], secret: "")),
            Attack("an extension", 401, invalid, TestIssuer.token(header: ["alg": "HS256", "crit": ["exp"]])),
            Attack("no audience", 401, invalid, TestIssuer.token(["aud": nil])),
            Attack("another audience", 401, invalid, TestIssuer.token(["aud": "https://other.example.com"])),
            Attack("another issuer", 401, invalid, TestIssuer.token(["iss": "https://evil.example.com"])),
            Attack("no end", 401, invalid, TestIssuer.token(["exp": nil])),
            Attack("an end as text", 401, invalid, TestIssuer.token(["exp": "4000000000"])),
            Attack("expired", 401, invalid, TestIssuer.token(["exp": 1_700_000_000])),
            Attack("not yet", 401, invalid, TestIssuer.token(["nbf": 3_999_999_999])),
            Attack(
                "claims of another token", 401, invalid,
                "\(parts[0]).\(TestIssuer.token(["sub": "root"]).split(separator: ".")[1]).\(parts[2])"),
            Attack("bad base64", 401, invalid, "\(parts[0]).\(parts[1])+.\(parts[2])"),
            Attack("padding within", 400, malformed, "\(parts[0]).\(parts[1])=.\(parts[2])"),
            Attack("a token of the configuration with one byte more", 401, invalid, "0123456789abcdef0"),
            Attack(
                "two headers", 400, malformed,
                headers: [("authorization", "Bearer \(good)"), ("authorization", "Bearer \(good)")]),
            Attack(
                "two tokens in one header", 400, malformed,
                headers: [("authorization", "Bearer \(good), Bearer \(good)")]),
            Attack("a tab for a space", 401, nil, headers: [("authorization", "Bearer\t\(good)")]),
            Attack("no token after the scheme", 400, malformed, headers: [("authorization", "Bearer")]),
            Attack("a very long token", 400, malformed, String(repeating: "a", count: 20_000)),
            Attack("a token in the URL", 400, malformed, headers: [], path: "/mcp?access_token=\(good)"),
            Attack(
                "a token in the URL beside a good one", 400, malformed, headers: [("authorization", "Bearer \(good)")],
                path: "/mcp?access_token=\(good)"),
            Attack("a token in the URL, escaped", 400, malformed, headers: [], path: "/mcp?%61ccess_token=\(good)"),
        ]
    }

    @Test("Attackers are refused with the right status and challenge, and reach no upstream")
    func attackers() async throws {
        let upstream = TestUpstream()
        try await TestGateway.with([("a", upstream)], adjusting: Self.settings) { (gateway) async throws in
            for attack in Self.attacks {
                let answer = try await gateway.post(attack.path, headers: attack.headers)
                #expect(answer.status == attack.status, "\(attack.testDescription)")
                let challenge = answer.challenge ?? ""
                #expect(challenge.hasPrefix("Bearer "), "\(attack.testDescription)")
                #expect(
                    challenge.contains(
                        "resource_metadata=\"https://gw.example.com/.well-known/oauth-protected-resource/mcp\""),
                    "\(attack.testDescription): \(challenge)")
                #expect(
                    challenge.contains("error=") == (attack.error != nil), "\(attack.testDescription): \(challenge)")
                if let error = attack.error { #expect(challenge.contains("error=\"\(error)\"")) }
                #expect(answer.headers["mcp-session-id"].isEmpty && !answer.body.contains("protocolVersion"))
            }
            #expect(try await gateway.post(token: TestIssuer.token()).status == 200)
            #expect(try await gateway.post(token: "0123456789abcdef").status == 200)
        }
    }

    @Test("A session is of the principal that began it, and of whatever token of it; to others it does not exist")
    func sessions() async throws {
        try await TestGateway.with([("a", TestUpstream())], adjusting: Self.settings) { (gateway) async throws in
            let begun = try await gateway.post(token: TestIssuer.token())
            let session = try #require(begun.headers.first(name: "mcp-session-id"))
            let ping = #"{"jsonrpc":"2.0","id":2,"method":"ping"}"#
            for (token, expected) in [
                (TestIssuer.token(), 200), (TestIssuer.token(["jti": "another token"]), 200),
                (TestIssuer.token(["sub": "bob"]), 404), (TestIssuer.token(["tenant_id": "acme"]), 404),
                ("0123456789abcdef", 404),
            ] {
                let answer = try await gateway.post(
                    token: token, headers: [("mcp-session-id", session)], body: ping)
                #expect(answer.status == expected)
            }
            #expect(try await gateway.post(headers: [("mcp-session-id", session)], body: ping).status == 401)
        }
    }

    @Test("The documents about the resource are there for everybody, for each endpoint, and for no other path")
    func metadata() async throws {
        try await TestGateway.with(
            [("a", TestUpstream())],
            adjusting: { settings in
                Self.settings(&settings)
                settings.servers = [VirtualServerSettings(id: "dev")]
                settings.servers[0].scopes = ["dev"]
            }
        ) { (gateway) async throws in
            for path in ["", "/mcp", "/servers/dev/mcp"] {
                let (status, body) = try await gateway.get("/.well-known/oauth-protected-resource\(path)")
                #expect(status == 200)
                #expect(
                    body == [
                        "resource": .string("https://gw.example.com\(path)"),
                        "authorization_servers": [.string(TestIssuer.name)], "bearer_methods_supported": ["header"],
                        "scopes_supported": ["dev"],
                    ])
            }
            #expect(try await gateway.post("/.well-known/oauth-protected-resource/mcp").status == 405)
            #expect(try await gateway.post("/.well-known/oauth-protected-resource/other").status == 404)
            #expect(try await gateway.post("/.well-known/oauth-protected-resources").status == 404)
        }
    }

    @Test("Keys are fetched from their URL; a new one is found, an invented one asks once, an outage is 503")
    func publishedKeys() async throws {

        let (first, second) = (P256Key(), P256Key())
        let published = Published()
        published.set([first.entry("one")])
        try await TestWebService.with({ published.answer(to: $0) }) { (service, base) async throws in
            try await TestGateway.with(
                [("a", TestUpstream())],
                adjusting: { settings in
                    var issuer = GatewayTokenIssuer(
                        name: TestIssuer.name, audiences: [TestIssuer.audience], keys: .setURL("\(base)/keys"))
                    issuer.minimumInterval = .milliseconds(1)
                    var down = GatewayTokenIssuer(
                        name: "https://down", audiences: [TestIssuer.audience], keys: .setURL("\(base)/down"))
                    down.minimumInterval = .milliseconds(1)
                    settings.authentication.issuers = [issuer, down]
                }
            ) { (gateway) async throws in
                #expect(try await gateway.post(token: try first.token("one")).status == 200)
                #expect(try await gateway.post(token: try second.token("two")).status == 401)
                published.set([first.entry("one"), second.entry("two")])
                #expect(await eventually { (try? await gateway.post(token: try second.token("two")).status) == 200 })
                #expect(try await gateway.post(token: try second.token("one")).status == 401)
                let outage = try await gateway.post(token: try first.token("one", issuer: "https://down"))
                #expect(outage.status == 503 && outage.challenge == nil)
                #expect(service.requests.allSatisfy { $0.method == .GET })
            }
        }
    }
}
