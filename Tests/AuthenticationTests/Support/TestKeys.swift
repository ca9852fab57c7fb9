// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import Values

@testable import Authentication

/// Keys of issuers, made once for all tests.
enum TestKeys {
    static let secret = Array("an-HS256-secret-of-more-than-32-bytes".utf8)
    static let p256 = P256.Signing.PrivateKey()
    static let otherP256 = P256.Signing.PrivateKey()
    static let rsa = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    static func rsaNumbers() throws -> (modulus: String, exponent: String) {
        let numbers = try rsa.get().publicKey.getKeyPrimitives()
        return (TestToken.encode(numbers.modulus), TestToken.encode(numbers.publicExponent))
    }

    static func rsaEntry(kid: String?, _ more: ValueObject = [:]) throws -> Value {
        let numbers = try rsaNumbers()
        var entry: ValueObject = ["kty": "RSA", "n": .string(numbers.modulus), "e": .string(numbers.exponent)]
        if let kid { entry["kid"] = .string(kid) }
        entry.merge(more)
        return .object(entry)
    }

    static func p256Entry(_ key: P256.Signing.PrivateKey = p256, kid: String?, _ more: ValueObject = [:]) -> Value {
        let raw = Array(key.publicKey.rawRepresentation)
        var entry: ValueObject = [
            "kty": "EC", "crv": "P-256", "x": .string(TestToken.encode(raw[..<32])),
            "y": .string(TestToken.encode(raw[32...])),
        ]
        if let kid { entry["kid"] = .string(kid) }
        entry.merge(more)
        return .object(entry)
    }
}

/// Tokens as issuers, and attackers, make them.
enum TestToken {
    static func encode(_ bytes: some Sequence<UInt8>) -> String { Base64.url.encode(bytes) }

    static func make(_ header: String, _ claims: String, _ sign: ([UInt8]) throws -> [UInt8]) rethrows -> String {
        let signed = "\(encode(header.utf8)).\(encode(claims.utf8))"
        return try "\(signed).\(encode(sign(Array(signed.utf8))))"
    }

    static func hs256(
        _ claims: String, header: String = #"{"alg":"HS256","typ":"JWT"}"#, secret: [UInt8] = TestKeys.secret
    ) -> String {
        make(header, claims) { hmac($0, secret) }
    }

    static func hmac(_ bytes: [UInt8], _ secret: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: secret)))
    }

    static func rs256(_ claims: String, header: String = #"{"alg":"RS256"}"#) throws -> String {
        try make(header, claims) { bytes in
            Array(
                try TestKeys.rsa.get().signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
                    .rawRepresentation)
        }
    }

    static func es256(
        _ claims: String, header: String = #"{"alg":"ES256"}"#, key: P256.Signing.PrivateKey = TestKeys.p256
    ) throws -> String {
        try make(header, claims) { bytes in Array(try key.signature(for: SHA256.hash(data: bytes)).rawRepresentation) }
    }
}
