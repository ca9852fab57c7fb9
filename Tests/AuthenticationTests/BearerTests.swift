// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Testing
import Values

@testable import Authentication

@Suite("Bearer tokens in requests")
struct BearerTests {
    private static let token = "abcdefghijklmnop"
    private let authentication = RequestAuthentication([
        StaticTokens([
            (token, Principal(method: .staticToken, subject: "alice")),
            ("0123456789abcdef", Principal(method: .staticToken, subject: "bob")),
        ])
    ])

    private func outcome(_ headers: [(String, String)], query: String? = nil) async -> String {
        do throws(AuthenticationRefusal) {
            return try await authentication.principal(of: HTTPHeaders(headers), query: query).subject
        } catch {
            return "\(error.status) \(error.code)"
        }
    }

    @Test(
        "Only one well-formed token in the Authorization header is looked at",
        arguments: [
            ([("Authorization", "Bearer abcdefghijklmnop")], "alice"),
            ([("authorization", "bearer abcdefghijklmnop")], "alice"),
            ([("AUTHORIZATION", "BEARER   0123456789abcdef")], "bob"),
            ([], "401 missing"),
            ([("Authorization", "Basic YTpi")], "401 missing"),
            ([("Authorization", "abcdefghijklmnop")], "401 missing"),
            ([("X-Authorization", "Bearer abcdefghijklmnop")], "401 missing"),
            ([("Authorization", "Bearer")], "400 malformed"),
            ([("Authorization", "Bearer ")], "400 malformed"),
            ([("Authorization", "Bearer\tabcdefghijklmnop")], "401 missing"),
            ([("Authorization", "Bearer abcdefghijklmnop ")], "400 malformed"),
            ([("Authorization", "Bearer abcdefghijklmnop, Bearer 0123456789abcdef")], "400 malformed"),
            ([("Authorization", "Bearer abcd efgh")], "400 malformed"),
            ([("Authorization", "Bearer ab=cd")], "400 malformed"),
            ([("Authorization", "Bearer =")], "400 malformed"),
            ([("Authorization", "Bearer äöü")], "400 malformed"),
            ([("Authorization", "Bearer abcdefghijklmno")], "401 invalid"),
            ([("Authorization", "Bearer abcdefghijklmnopq")], "401 invalid"),
            ([("Authorization", "Bearer abcdefghijklmnoP")], "401 invalid"),
            (
                [("Authorization", "Bearer abcdefghijklmnop"), ("authorization", "Bearer abcdefghijklmnop")],
                "400 malformed"
            ),
        ])
    func reads(headers: [(String, String)], expected: String) async {
        #expect(await outcome(headers) == expected)
    }

    @Test(
        "A token in the URL is refused, even beside one in the header",
        arguments: ["access_token=x", "a=b&access_token=x", "access%5ftoken=x", "%61ccess_token", "a;access_token=y"])
    func refusesQuery(query: String) async {
        #expect(await outcome([], query: query) == "400 malformed")
        #expect(await outcome([("Authorization", "Bearer \(Self.token)")], query: query) == "400 malformed")
    }

    @Test("Other members of the URL do no harm", arguments: ["", "a=access_token", "access_token2=x", "%", "%6"])
    func allowsOtherQueries(query: String) async {
        #expect(await outcome([("Authorization", "Bearer \(Self.token)")], query: query) == "alice")
    }

    @Test("A token is looked at up to its greatest size, and not beyond")
    func size() async {
        let longest = String(repeating: "a", count: BearerToken.maximumSize)
        #expect(await outcome([("Authorization", "Bearer \(longest)")]) == "401 invalid")
        #expect(await outcome([("Authorization", "Bearer \(longest)a")]) == "400 malformed")
    }

    @Test("Where nobody has to say who they are, everybody is anonymous, whatever token they show")
    func anonymous() async throws {
        let open = RequestAuthentication([])
        let principal = try await open.principal(of: ["Authorization": "Bearer \(Self.token)"], query: "access_token=x")
        #expect(principal.method == .anonymous && principal.user == nil)
    }
}

@Suite("Challenges")
struct ChallengeTests {
    @Test("A challenge says what is wrong, what is needed and where to ask, and cannot be broken out of")
    func challenges() {
        let metadata = "https://gw/.well-known/oauth-protected-resource/mcp"
        #expect(AuthenticationRefusal(.missing, "m").challenge(resourceMetadata: nil) == "Bearer")
        #expect(
            AuthenticationRefusal(.missing, "m", scopes: ["a", "b"]).challenge(resourceMetadata: metadata)
                == "Bearer scope=\"a b\", resource_metadata=\"\(metadata)\"")
        #expect(
            AuthenticationRefusal(.invalid, "so \"x\"\r\nSet-Cookie: a=b\\").challenge(resourceMetadata: nil)
                == "Bearer error=\"invalid_token\", error_description=\"so 'x'??Set-Cookie: a=b'\"")
        #expect(
            AuthenticationRefusal(.insufficientScope, "more", scopes: ["w"]).challenge(resourceMetadata: metadata)
                == "Bearer error=\"insufficient_scope\", error_description=\"more\", scope=\"w\", resource_metadata=\"\(metadata)\""
        )
        #expect(AuthenticationRefusal(.unavailable, "m").challenge(resourceMetadata: metadata) == nil)
    }

    @Test("The document about a resource is where its URL says, also below a path")
    func documents() throws {
        let resource = try #require(
            ProtectedResource(base: "https://gw.example.com/", authorizationServers: ["https://idp"], scopes: ["s"]))
        #expect(
            resource.documentURL(forPath: "/mcp") == "https://gw.example.com/.well-known/oauth-protected-resource/mcp")
        #expect(
            resource.document(forPath: "/mcp") == [
                "resource": "https://gw.example.com/mcp", "authorization_servers": ["https://idp"],
                "bearer_methods_supported": ["header"], "scopes_supported": ["s"],
            ])
        let below = try #require(
            ProtectedResource(base: "https://h:8/x", authorizationServers: ["https://idp"], scopes: []))
        #expect(below.documentURL(forPath: "/mcp") == "https://h:8/.well-known/oauth-protected-resource/x/mcp")
        #expect(ProtectedResource(base: "https://h", authorizationServers: [], scopes: []) == nil)
        #expect(ProtectedResource.resourcePath(ofDocument: "/.well-known/oauth-protected-resource") == "")
        #expect(ProtectedResource.resourcePath(ofDocument: "/.well-known/oauth-protected-resource/") == "")
        #expect(ProtectedResource.resourcePath(ofDocument: "/.well-known/oauth-protected-resource/mcp") == "/mcp")
        #expect(ProtectedResource.resourcePath(ofDocument: "/.well-known/oauth-protected-resources") == nil)
    }
}

@Suite("Principals")
struct PrincipalTests {
    @Test("Identities differ by issuer, tenant and subject, and no text reaches into another")
    func identities() {
        func identity(_ issuer: String?, _ tenant: String?, _ subject: String) -> PrincipalIdentity {
            Principal(method: .jwt, subject: subject, issuer: issuer, tenant: tenant).identity
        }
        #expect(identity("i", "t", "s") == identity("i", "t", "s"))
        let all = [
            identity("i", "t", "s"), identity("i", nil, "ts"), identity(nil, "i", "ts"), identity("it", nil, "s"),
            identity("i", "t", "s1:"), identity("i", "t1:", "s"), identity("i", "t", "e\u{301}"),
            identity("i", "t", "\u{e9}"),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test("Scopes are compared as bytes, and a token without narrowing has all")
    func scopes() {
        let granted = ScopeSet(spaceSeparated: "read  write read")
        #expect(granted.names == ["read", "write"])
        #expect(granted.missing(of: ["read", "Write"]) == ["Write"])
        #expect(granted.missing(of: []).isEmpty && ScopeSet([]).missing(of: ["a"]) == ["a"])
        #expect(ScopeSet.all.missing(of: ["a"]).isEmpty)
        #expect(
            ScopeSet.isScope("a:b/c") && !ScopeSet.isScope("a b") && !ScopeSet.isScope("a\"") && !ScopeSet.isScope(""))
    }

    @Test("A token for some virtual servers does not open the one that has everything")
    func servers() {
        let principal = Principal(method: .staticToken, subject: "a", servers: ["dev"])
        #expect(principal.mayUse(server: "dev") && !principal.mayUse(server: "ops") && !principal.mayUse(server: nil))
        #expect(Principal.anonymous.mayUse(server: nil))
    }
}
