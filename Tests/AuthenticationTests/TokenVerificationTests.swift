// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import Synchronization
import Testing
import Values

@testable import Authentication

/// A time that tests set.
final class TestClock: Sendable {
    private let seconds: Atomic<Int64>
    init(_ seconds: Int64) { self.seconds = Atomic(seconds) }
    func advance(_ by: Int64) { seconds.wrappingAdd(by, ordering: .relaxed) }
    var clock: WallClock { WallClock { self.seconds.load(ordering: .relaxed) } }
}

@Suite("Signed tokens")
struct TokenVerificationTests {
    static let now: Int64 = 1_800_000_000
    private static let issuer = "https://idp.example.com"
    private static let audience = "https://gw.example.com/mcp"

    private static func authenticator(
        clock: WallClock = WallClock { now }, adjusting adjust: (inout TokenIssuer) -> Void = { _ in }
    ) async throws -> JWTAuthenticator {
        var first = TokenIssuer(
            name: issuer, audiences: [audience, "other"],
            keys: ConfiguredKey(try await .secret(TestKeys.secret, keyID: nil)))
        adjust(&first)
        let rsa = TokenIssuer(
            name: "https://rsa", audiences: [audience],
            keys: ConfiguredKey(try await .pem(TestKeys.rsa.get().publicKey.pemRepresentation, keyID: nil)))
        let ecdsa = TokenIssuer(
            name: "https://ec", audiences: [audience],
            keys: ConfiguredKey(try await .pem(TestKeys.p256.publicKey.pemRepresentation, keyID: "k1")))
        return JWTAuthenticator(issuers: [first, rsa, ecdsa], clock: clock)
    }

    private static func outcome(_ token: String, _ authenticator: JWTAuthenticator) async -> String {
        do throws(AuthenticationRefusal) {
            return try await authenticator.authenticate(BearerToken(token)).map(\.subject) ?? "another's"
        } catch {
            return "\(error.status) \(error.code): \(error.message)"
        }
    }

    /// Claims of a good token, with some replaced (nil: left out).
    private static func claims(_ changes: [String: String?] = [:]) -> String {
        var claims: [String: String] = [
            "iss": "\"\(issuer)\"", "aud": "\"\(audience)\"", "sub": "\"alice\"", "exp": "\(now + 60)",
        ]
        for (name, value) in changes { claims[name] = value }
        return "{" + claims.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    @Test("Tokens of all three algorithms are taken")
    func algorithms() async throws {
        let authenticator = try await Self.authenticator()
        #expect(await Self.outcome(TestToken.hs256(Self.claims()), authenticator) == "alice")
        let rsa = try TestToken.rs256(Self.claims(["iss": "\"https://rsa\""]), header: #"{"alg":"RS256","kid":"any"}"#)
        #expect(await Self.outcome(rsa, authenticator) == "alice")
        for header in [#"{"alg":"ES256"}"#, #"{"alg":"ES256","kid":"k1","typ":"at+jwt"}"#] {
            let ecdsa = try TestToken.es256(Self.claims(["iss": "\"https://ec\""]), header: header)
            #expect(await Self.outcome(ecdsa, authenticator) == "alice")
        }
    }

    @Test(
        "A token is refused for what it claims",
        arguments: [
            (["exp": nil], "exp"), (["exp": "\"1800000060\""], "exp"), (["exp": "-1"], "exp"),
            (["exp": "1e300"], "exp"),
            (["exp": "9223372036854775807"], "exp"), (["exp": "true"], "exp"), (["exp": "[1800000060]"], "exp"),
            (["nbf": "1800000031"], "nbf"), (["nbf": "\"0\""], "nbf"), (["iat": "1800000031"], "iat"),
            (["iss": nil], "iss"), (["iss": "\"https://idp.example.com/\""], "iss"),
            (["iss": "[\"https://idp.example.com\"]"], "iss"),
            (["iss": "\"https://rsa\""], "signed with HS256"), (["iss": "\"https://rsa\\u0000\""], "iss"),
            (["aud": nil], "aud"), (["aud": "\"https://gw.example.com\""], "aud"), (["aud": "[]"], "aud"),
            (["aud": "[\"x\",\"y\"]"], "aud"), (["aud": "[\"other\",1]"], "aud"), (["aud": "{\"other\":1}"], "aud"),
            (["aud": "\"HTTPS://gw.example.com/mcp\""], "aud"),
            (["sub": nil], "sub"), (["sub": "\"\""], "sub"), (["sub": "1"], "sub"),
            (["scope": "1"], "scope"), (["scope": "{\"a\":1}"], "scope"), (["is_admin": "\"true\""], "is_admin"),
            (["is_admin": "1"], "is_admin"), (["teams": "\"a\""], "teams"), (["teams": "[1]"], "teams"),
            (["tenant_id": "[\"a\"]"], "tenant_id"), (["email": "{}"], "email"),
        ] as [([String: String?], String)])
    func refusesClaims(changes: [String: String?], about: String) async throws {
        let outcome = await Self.outcome(TestToken.hs256(Self.claims(changes)), try await Self.authenticator())
        #expect(outcome.hasPrefix("401 invalid: ") && outcome.contains(about), "\(outcome)")
    }

    @Test(
        "What the RFC allows is taken",
        arguments: [
            ["exp": "1800000000.5"], ["exp": "1799999971"], ["nbf": "1800000030"], ["iat": "1799999000.25"],
            ["aud": "[\"x\",\"https://gw.example.com/mcp\"]"], ["scope": "null"], ["teams": "null", "scp": "[\"a\"]"],
        ])
    func takesClaims(changes: [String: String?]) async throws {
        #expect(await Self.outcome(TestToken.hs256(Self.claims(changes)), try await Self.authenticator()) == "alice")
    }

    @Test("An expired token is told from a wrong one, and the clocks may differ by the skew")
    func expiry() async throws {
        let authenticator = try await Self.authenticator()
        let expired = await Self.outcome(TestToken.hs256(Self.claims(["exp": "1799999970"])), authenticator)
        #expect(expired.hasPrefix("401 expired: "))
        let strict = try await Self.authenticator { $0.clockSkew = 0 }
        #expect(
            await Self.outcome(TestToken.hs256(Self.claims(["exp": "1800000000"])), strict).hasPrefix("401 expired: "))
        #expect(await Self.outcome(TestToken.hs256(Self.claims(["exp": "1800000001"])), strict) == "alice")
    }

    @Test("A token that is good for too long is refused where that is wanted")
    func lifetime() async throws {
        let authenticator = try await Self.authenticator { $0.maximumLifetime = 3_600 }
        func outcome(_ changes: [String: String?]) async -> String {
            await Self.outcome(TestToken.hs256(Self.claims(changes)), authenticator)
        }
        #expect(await outcome(["exp": "1800003600"]) == "alice")
        #expect(await outcome(["exp": "1800003601"]).contains("longer than 3600"))
        #expect(await outcome(["exp": "1800000060", "iat": "1799990000"]).contains("longer than 3600"))
    }

    @Test(
        "A token is refused for its header",
        arguments: [
            (#"{"alg":"none"}"#, "alg"), (#"{"alg":"None"}"#, "alg"), (#"{"alg":"hs256"}"#, "alg"),
            (#"{"alg":"HS512"}"#, "alg"), (#"{"alg":""}"#, "alg"), (#"{"alg":["HS256"]}"#, "alg"), (#"{}"#, "alg"),
            (#"{"alg":"RS256"}"#, "RS256"), (#"{"alg":"HS256","alg":"none"}"#, "duplicateKey"),
            (#"{"alg":"HS256","crit":["exp"]}"#, "crit"), (#"{"alg":"HS256","crit":[]}"#, "crit"),
            (#"{"alg":"HS256","b64":false}"#, "b64"), (#"{"alg":"HS256","kid":7}"#, "kid"),
            (#"{"alg":"HS256","kid":""}"#, "kid"), (#"{"alg":"HS256","typ":"logout+jwt"}"#, "typ"),
            (#"{"alg":"HS256","typ":1}"#, "typ"), (#"["alg","HS256"]"#, "object"), (#"{"alg":"HS256"} x"#, "syntax"),
            ("", "syntax"),
        ])
    func refusesHeaders(header: String, about: String) async throws {
        let token = TestToken.hs256(Self.claims(), header: header)
        let outcome = await Self.outcome(token, try await Self.authenticator())
        #expect(outcome.hasPrefix("401 invalid: ") && outcome.contains(about), "\(outcome)")
    }

    @Test("Keys and places of keys in a token's header are not looked at")
    func embeddedKeys() async throws {
        let entry = TestKeys.p256Entry(TestKeys.otherP256, kid: "k1").description
        let header = #"{"alg":"ES256","jwk":\#(entry),"jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}"#
        let token = try TestToken.es256(Self.claims(["iss": "\"https://ec\""]), header: header, key: TestKeys.otherP256)
        #expect(await Self.outcome(token, try await Self.authenticator()).contains("signature"))
    }

    @Test("A name of a key is a name only, whatever path or query it looks like")
    func keyIDs() async throws {
        let authenticator = try await Self.authenticator()
        for kid in ["../../dev/null", "k1' OR '1'='1", "k1\\u0000", "K1", "http://127.0.0.1/key"] {
            let header = #"{"alg":"ES256","kid":"\#(kid)"}"#
            let token = try TestToken.es256(Self.claims(["iss": "\"https://ec\""]), header: header)
            #expect(await Self.outcome(token, authenticator).contains("key (kid)"), "\(kid)")
        }
    }

    @Test("A public key cannot be used as a secret, nor one issuer's key for another's tokens")
    func keyConfusion() async throws {
        let authenticator = try await Self.authenticator()
        for pem in [try TestKeys.rsa.get().publicKey.pemRepresentation, TestKeys.p256.publicKey.pemRepresentation] {
            for issuer in ["https://rsa", "https://ec"] {
                for secret in [pem, pem + "\n"] {
                    let token = TestToken.hs256(Self.claims(["iss": "\"\(issuer)\""]), secret: Array(secret.utf8))
                    #expect(await Self.outcome(token, authenticator).contains("HS256"))
                }
            }
        }
        let foreign = try TestToken.es256(Self.claims(["iss": "\"https://rsa\""]))
        #expect(await Self.outcome(foreign, authenticator).contains("ES256"))
    }

    @Test("A token whose bytes were changed in any place is refused")
    func forged() async throws {
        let authenticator = try await Self.authenticator()
        let tokens = [
            TestToken.hs256(Self.claims()), try TestToken.rs256(Self.claims(["iss": "\"https://rsa\""])),
            try TestToken.es256(Self.claims(["iss": "\"https://ec\""])),
        ]
        for token in tokens {
            #expect(await Self.outcome(token, authenticator) == "alice")
            for place in stride(from: 0, to: token.utf8.count, by: 7) {
                var bytes = Array(token.utf8)
                bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                guard bytes != Array(token.utf8) else { continue }
                let outcome = await Self.outcome(String(decoding: bytes, as: UTF8.self), authenticator)
                #expect(outcome != "alice", "changed at \(place)")
            }
        }
    }

    @Test("What has not the form of a signed token is refused, or left to others")
    func forms() async throws {
        let authenticator = try await Self.authenticator()
        let good = TestToken.hs256(Self.claims())
        let parts = good.split(separator: ".").map(String.init)
        let (header, claims, signature) = (parts[0], parts[1], parts[2])
        for (token, expected) in [
            ("abc", "another's"), ("a.b", "another's"), ("..", "401 invalid"), ("\(header).\(claims).", "signature"),
            ("\(header)..\(signature)", "syntax"), (".\(claims).\(signature)", "syntax"),
            ("\(good).\(signature)", "4 parts"), ("\(good).a.b", "encrypted"),
            ("\(header)=.\(claims).\(signature)", "base64url"),
            ("\(header).\(claims).\(signature)=", "base64url"), ("\(header).\(claims).\(signature)A", "signature"),
            ("\(header).\(claims).+\(signature.dropFirst())", "base64url"),
            ("\(header).\(claims).AAAA", "is not that of"),
            ("\(header).\(claims).\(signature)\(signature)", "signature"),
            (TestToken.hs256("[]"), "object"), (TestToken.hs256("{\"a\":1,\"a\":2}"), "duplicateKey"),
            (TestToken.hs256(String(repeating: "[", count: 5_000)), "nesting"),
            (
                TestToken.hs256(
                    Self.claims(), header: "{\"alg\":\"HS256\",\"x\":\"\(String(repeating: "x", count: 5_000))\"}"),
                "longer than 4096"
            ),
        ] {
            let outcome = await Self.outcome(token, authenticator)
            #expect(outcome.contains(expected), "\(outcome)")
        }
    }

    @Test("A principal is made of the claims that the issuer is said to use")
    func principals() async throws {
        let standard = try await Self.authenticator()
        let claims = Self.claims([
            "email": "\"a@example.com\"", "tenant_id": "\"acme\"", "teams": "[\"t1\",{\"id\":\"t2\",\"name\":\"x\"}]",
            "scope": "\"read write\"", "is_admin": "true",
        ])
        let principal = try #require(try await standard.authenticate(BearerToken(TestToken.hs256(claims))))
        #expect(
            principal.email == "a@example.com" && principal.user?["email"] == "a@example.com"
                && principal.tenant == "acme")
        #expect(
            principal.teamIDs == ["t1", "t2"] && principal.isAdmin && principal.scopes == ScopeSet(["read", "write"]))
        #expect(principal.method == .jwt && principal.issuer == Self.issuer && principal.servers == nil)
        #expect(principal.claims["scope"] == "read write")

        let renamed = try await Self.authenticator {
            $0.claims.subject = "client.id"
            $0.claims.scopes = ["/realm_access/roles"]
            $0.claims.servers = "gw_servers"
            $0.claims.admin = "/realm_access/admin"
        }
        let other = Self.claims([
            "client.id": "\"robot\"", "realm_access": "{\"roles\":[\"r\"],\"admin\":false}",
            "email": "\"x@example.com\"",
            "email_verified": "false",
        ])
        let robot = try #require(try await renamed.authenticate(BearerToken(TestToken.hs256(other))))
        #expect(robot.subject == "robot" && robot.scopes == ScopeSet(["r"]) && !robot.isAdmin)
        #expect(
            robot.email == nil && robot.user == ["sub": "robot", "is_admin": false],
            "an address that nobody confirmed says nothing")
        #expect(robot.servers == [], "a token that names no server is for none, where tokens have to")
    }

    @Test("A token that was found good is known for a while, and not past its end")
    func memory() async throws {
        let clock = TestClock(Self.now)
        let authenticator = try await Self.authenticator(clock: clock.clock) { $0.clockSkew = 0 }
        let token = BearerToken(TestToken.hs256(Self.claims(["exp": "1800000050"])))
        #expect(authenticator.recognize(token) == nil)
        _ = try await authenticator.authenticate(token)
        clock.advance(49)
        #expect(authenticator.recognize(token)?.subject == "alice")
        clock.advance(1)
        #expect(authenticator.recognize(token) == nil)
        await #expect(throws: AuthenticationRefusal.self) { try await authenticator.authenticate(token) }
    }

    @Test("More tokens than are remembered are taken all the same")
    func capacity() async throws {
        let authenticator = try await Self.authenticator()
        for number in 0...JWTAuthenticator.capacity {
            _ = try await authenticator.authenticate(
                BearerToken(TestToken.hs256(Self.claims(["sub": "\"\(number)\""]))))
        }
        let last = BearerToken(TestToken.hs256(Self.claims(["sub": "\"\(JWTAuthenticator.capacity)\""])))
        #expect(authenticator.recognize(last) != nil)
    }
}
