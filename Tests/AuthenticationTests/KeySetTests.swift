// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import Testing
import Values

@testable import Authentication

@Suite("Keys of issuers")
struct KeySetTests {
    private func read(_ document: Value) async throws(KeyError) -> KeySet {
        try await .jwks(Array(document.description.utf8))
    }

    private func names(_ keys: KeySet) -> [String] { keys.keys.map { "\($0.keyID ?? "-") \($0.algorithm.rawValue)" } }

    @Test("A published set is read for the keys that can be used, each with its one algorithm")
    func reads() async throws {
        let document: Value = [
            "keys": [
                try TestKeys.rsaEntry(kid: "r", ["alg": "RS256", "use": "sig", "x5c": ["ignored"]]),
                try TestKeys.rsaEntry(kid: "enc", ["use": "enc"]), try TestKeys.rsaEntry(kid: "ps", ["alg": "PS256"]),
                TestKeys.p256Entry(kid: "e", ["key_ops": ["verify"]]),
                TestKeys.p256Entry(kid: "s", ["key_ops": ["sign"]]),
                TestKeys.p256Entry(kid: "confused", ["alg": "HS256"]),
                ["kty": "oct", "kid": "secret", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "alg": "HS256"],
                ["kty": "OKP", "crv": "Ed25519", "x": "AA"],
                try TestKeys.rsaEntry(kid: nil),
            ], "more": 1,
        ]
        #expect(names(try await read(document)) == ["r RS256", "e ES256", "- RS256"])
    }

    @Test("A set with something wrong in it is refused with the place of it")
    func refuses() async throws {
        let good = try TestKeys.rsaEntry(kid: "a")
        for (document, expected) in [
            ([:], "`keys`"), (["keys": [:]], "`keys`"), ([good], "`keys`"), (["keys": []], "no key for"),
            (["keys": ["x"]], "keys[0] is no object"), (["keys": [good, good]], "keys[1] has the name of another"),
            (["keys": [TestKeys.p256Entry(kid: "a", ["x": "AAAA"])]], "keys[0] is no point on P-256"),
            (["keys": [TestKeys.p256Entry(kid: "a", ["d": "AAAA"])]], "keys[0] is a private key"),
            (["keys": [TestKeys.p256Entry(kid: nil, ["kid": 5])]], "keys[0] has a kid"),
            (["keys": [["kty": "RSA", "e": "AQAB"]]], "keys[0] has no `n`"),
            (["keys": [["kty": "RSA", "e": "AQAB", "n": "AQAB"]]], "keys[0] is no RSA key of 2048"),
            (
                ["keys": [["kty": "RSA", "e": "AQAB", "n": .string(String(repeating: "A", count: 20_000))]]],
                "keys[0] is no RSA key"
            ),
            (["keys": .array(Array(repeating: good, count: 101))], "101 keys"),
        ] as [(Value, String)] {
            let error = await #expect(throws: KeyError.self) { try await read(document) }
            #expect(error?.message.contains(expected) == true, "\(String(describing: error)), not \(expected)")
        }
        await #expect(throws: KeyError.self) {
            try await KeySet.jwks([UInt8](repeating: UInt8(ascii: " "), count: KeySet.maximumDocumentSize + 1))
        }
    }

    @Test("A token's key is the one that it names, or the only one of its algorithm when it names none")
    func finds() async throws {
        let other = P256.Signing.PrivateKey()
        let keys = try await read([
            "keys": [
                try TestKeys.rsaEntry(kid: "a"), TestKeys.p256Entry(kid: "b"), TestKeys.p256Entry(other, kid: "c"),
            ]
        ])
        func find(_ keyID: String?, _ algorithm: SigningAlgorithm) -> String {
            switch keys.find(keyID: keyID, algorithm: algorithm) {
            case .key(let key): key.keyID ?? "-"
            case .unknown: "unknown"
            case .refused(let reason): reason
            }
        }
        #expect(find("a", .rs256) == "a" && find("c", .es256) == "c" && find(nil, .rs256) == "a")
        #expect(find("d", .rs256) == "unknown")
        #expect(find("a", .es256).contains("not the algorithm of its key"))
        #expect(find("a", .hs256).contains("not the algorithm of its key"))
        #expect(find(nil, .es256).contains("does not say which"))
        #expect(find(nil, .hs256).contains("no such key"))
    }

    @Test("Keys that are too weak, private, or none are refused")
    func single() async throws {
        let weak = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1_024))
        let p384 = P384.Signing.PrivateKey()
        for text in [
            "", "x", weak.publicKey.pemRepresentation, try TestKeys.rsa.get().pemRepresentation,
            TestKeys.p256.pemRepresentation,
            p384.publicKey.pemRepresentation,
        ] {
            await #expect(throws: KeyError.self) { try await VerificationKey.pem(text, keyID: nil) }
        }
        await #expect(throws: KeyError.self) {
            try await VerificationKey.secret([UInt8](repeating: 1, count: 31), keyID: nil)
        }
    }
}
