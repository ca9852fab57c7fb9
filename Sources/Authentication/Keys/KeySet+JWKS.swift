// SPDX-License-Identifier: Apache-2.0

import Values

extension KeySet {
    /// The most bytes of a published set.
    package static let maximumDocumentSize = 256 << 10
    /// The most keys of a published set.
    package static let maximumKeys = 100

    /// Reads a JSON Web Key Set (RFC 7517, section 5).
    ///
    /// Keys that are not for signatures, and kinds of keys that are not used here, are passed over, as the RFC has it; what is
    /// left has to be right. Secrets are never taken from a set: what is published is not secret.
    ///
    /// - Throws: What is wrong with it.
    package static func jwks(_ bytes: [UInt8]) async throws(KeyError) -> KeySet {
        guard bytes.count <= maximumDocumentSize else {
            throw KeyError("is longer than \(maximumDocumentSize) bytes; no set of keys is")
        }
        let document: Value
        do throws(ValueError) {
            document = try JSONParser.decode(bytes, maximumNesting: 20)
        } catch {
            throw KeyError("is no JSON (\(error.message)); give a JSON Web Key Set")
        }
        guard let entries = document["keys"]?.arrayValue else {
            throw KeyError("has no array `keys`; give a JSON Web Key Set (RFC 7517)")
        }
        guard entries.count <= maximumKeys else {
            throw KeyError("has \(entries.count) keys; up to \(maximumKeys) are taken")
        }
        var keys: [VerificationKey] = []
        for (index, entry) in entries.enumerated() {
            guard let members = entry.objectValue else { throw KeyError("keys[\(index)] is no object") }
            let found: VerificationKey?
            do throws(KeyError) {
                found = try await key(members)
            } catch {
                throw KeyError("keys[\(index)] \(error.message)")
            }
            guard let key = found else { continue }
            let isTaken = keys.contains {
                $0.algorithm == key.algorithm && ($0.keyID ?? "").hasSameBytes(as: key.keyID ?? "")
            }
            guard !isTaken else { throw KeyError("keys[\(index)] has the name of another key (kid)") }
            keys.append(key)
        }
        guard !keys.isEmpty else {
            throw KeyError("has no key for RS256 or ES256 signatures; publish one")
        }
        return KeySet(published: keys)
    }

    /// One key of a set; nil for one that is for something else.
    private static func key(_ members: ValueObject) async throws(KeyError) -> VerificationKey? {
        if let use = members["use"], use != "sig" { return nil }
        if let operations = members["key_ops"], operations.arrayValue?.contains("verify") != true { return nil }
        let algorithm: SigningAlgorithm
        switch (members["kty"], members["crv"]) {
        case ("RSA", _): algorithm = .rs256
        case ("EC", "P-256"): algorithm = .es256
        default: return nil
        }
        if let named = members["alg"], named != .string(algorithm.rawValue) { return nil }
        let keyID: String?
        switch members["kid"] {
        case nil: keyID = nil
        case .string(let id) where !id.isEmpty && id.utf8.count <= SignedToken.maximumKeyIDSize: keyID = id
        default: throw KeyError("has a kid that is no text of 1 to \(SignedToken.maximumKeyIDSize) bytes")
        }
        func text(_ name: String) throws(KeyError) -> String {
            guard let text = members[name]?.stringValue else { throw KeyError("has no `\(name)`") }
            return text
        }
        guard !members.contains("d") else {
            throw KeyError("is a private key; whoever reads this can sign tokens, publish public keys only")
        }
        return algorithm == .rs256
            ? try await .rsa(modulus: text("n"), exponent: text("e"), keyID: keyID)
            : try await .p256(x: text("x"), y: text("y"), keyID: keyID)
    }
}
