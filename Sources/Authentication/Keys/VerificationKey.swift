// SPDX-License-Identifier: Apache-2.0

import JWTKit
import Values

/// A key that signatures are checked with: one key, one algorithm.
package struct VerificationKey: Sendable {
    /// The fewest bytes of a secret for HS256 (RFC 7518, section 3.2).
    package static let minimumSecretSize = 32
    /// The most bytes of an RSA modulus, so that checking a signature stays cheap.
    static let maximumModulusSize = 1_024

    /// Its name among the issuer's keys.
    package let keyID: String?
    /// What it signs with.
    package let algorithm: SigningAlgorithm
    private let verifier: any JWTAlgorithm

    private init(keyID: String?, algorithm: SigningAlgorithm, verifier: any JWTAlgorithm) {
        self.keyID = keyID
        self.algorithm = algorithm
        self.verifier = verifier
    }

    /// Whether a signature is this key's under these bytes.
    func isValid(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        // A signature that has not even the form of one is reported by an error.
        (try? verifier.verify(signature, signs: bytes)) ?? false
    }

    // MARK: Making keys

    /// A secret for HS256.
    ///
    /// - Throws: For fewer than ``minimumSecretSize`` bytes.
    package static func secret(_ secret: [UInt8], keyID: String?) async throws(KeyError) -> VerificationKey {
        guard secret.count >= minimumSecretSize else {
            throw KeyError(
                "has \(secret.count) bytes; HS256 needs \(minimumSecretSize), make one with `openssl rand -hex 32`")
        }
        return try await make(keyID, .hs256) { keys in
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        }
    }

    /// A public key as PEM: `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`; RS256 or ES256 by what it is.
    ///
    /// - Throws: For anything else.
    package static func pem(_ text: String, keyID: String?) async throws(KeyError) -> VerificationKey {
        guard !text.contains("PRIVATE KEY-----") else {
            throw KeyError("holds a private key, which a gateway must not have; give the public one")
        }
        let isCertificate = text.contains("-----BEGIN CERTIFICATE-----")
        if let key = try? isCertificate
            ? Insecure.RSA.PublicKey(certificatePEM: text) : Insecure.RSA.PublicKey(pem: text)
        {
            return try await make(keyID, .rs256) { keys in await keys.add(rsa: key, digestAlgorithm: .sha256) }
        }
        if let key = try? isCertificate ? ES256PublicKey(certificate: text) : ES256PublicKey(pem: text) {
            return try await make(keyID, .es256) { keys in await keys.add(ecdsa: key) }
        }
        throw KeyError("holds no public key of RSA (2048 bits or more) or P-256 as PEM; give one")
    }

    /// An RSA key by its numbers, base64url.
    static func rsa(modulus: String, exponent: String, keyID: String?) async throws(KeyError) -> VerificationKey {
        guard let bytes = Base64.url.decode(modulus.utf8), bytes.count <= maximumModulusSize,
            let power = Base64.url.decode(exponent.utf8), (1...8).contains(power.count),
            let key = try? Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent)
        else { throw KeyError("is no RSA key of 2048 to \(maximumModulusSize * 8) bits") }
        return try await make(keyID, .rs256) { keys in await keys.add(rsa: key, digestAlgorithm: .sha256) }
    }

    /// A P-256 key by its point, base64url.
    static func p256(x: String, y: String, keyID: String?) async throws(KeyError) -> VerificationKey {
        guard Base64.url.decode(x.utf8)?.count == 32, Base64.url.decode(y.utf8)?.count == 32,
            let key = try? ES256PublicKey(parameters: (x, y))
        else { throw KeyError("is no point on P-256") }
        return try await make(keyID, .es256) { keys in await keys.add(ecdsa: key) }
    }

    /// Lets the library make what checks signatures, in a collection of its own, which is not used otherwise.
    private static func make(
        _ keyID: String?, _ algorithm: SigningAlgorithm,
        _ add: @Sendable (JWTKeyCollection) async -> JWTKeyCollection
    ) async throws(KeyError) -> VerificationKey {
        let keys = await add(JWTKeyCollection())
        guard let verifier = try? await keys.getKey(), verifier.name.utf8.elementsEqual(algorithm.rawValue.utf8) else {
            throw KeyError("cannot be used for \(algorithm.rawValue)")
        }
        return VerificationKey(keyID: keyID, algorithm: algorithm, verifier: verifier)
    }
}

/// Why something cannot be used as a key or as a set of keys.
package struct KeyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and what to do, as it follows the name of the key.
    package let message: String

    /// Makes an error.
    package init(_ message: String) { self.message = message }

    /// The message.
    package var description: String { message }
}
