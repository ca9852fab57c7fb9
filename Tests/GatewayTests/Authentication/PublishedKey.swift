// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTP
import NIOCore
import NIOHTTP1
import Synchronization
import Values

/// A key of an issuer that publishes it.
struct P256Key: Sendable {
    private let key = P256.Signing.PrivateKey()

    /// As a set of keys has it.
    func entry(_ name: String) -> Value {
        let raw = Array(key.publicKey.rawRepresentation)
        return [
            "kty": "EC", "crv": "P-256", "kid": .string(name), "x": .string(TestIssuer.encode(raw[..<32])),
            "y": .string(TestIssuer.encode(raw[32...])),
        ]
    }

    /// A good token that says it is signed with this name.
    func token(_ name: String, issuer: String = TestIssuer.name) throws -> String {
        let header: Value = ["alg": "ES256", "kid": .string(name)]
        let claims: Value = [
            "iss": .string(issuer), "aud": .string(TestIssuer.audience), "sub": "alice", "exp": 4_000_000_000,
        ]
        let signed = "\(TestIssuer.encode(header.description.utf8)).\(TestIssuer.encode(claims.description.utf8))"
        let signature = try key.signature(for: SHA256.hash(data: Array(signed.utf8)))
        return "\(signed).\(TestIssuer.encode(Array(signature.rawRepresentation)))"
    }
}

/// What an issuer publishes.
final class Published: Sendable {
    private let entries = Mutex<[Value]>([])

    func set(_ entries: [Value]) { self.entries.withLock { $0 = entries } }

    /// The set, for a request to `/keys`; other paths are down.
    func answer(to request: HTTPServerRequest) -> HTTPServerResponse {
        guard request.path == "/keys" else { return HTTPServerResponse(status: .internalServerError) }
        let document = Value.object(["keys": .array(entries.withLock { $0 })])
        return HTTPServerResponse(status: .ok, body: ByteBuffer(string: document.description))
    }
}
