// SPDX-License-Identifier: Apache-2.0

import Crypto
// The one place that needs it: X509 takes moments as its `Date`.
import FoundationEssentials
import SwiftASN1
import X509

/// An authority that issues certificates for gateways and plugin servers.
package struct CertificateAuthority: Sendable {
    /// A certificate and its key, as the text of files (PEM).
    package struct Pair: Sendable {
        /// The certificate.
        package let certificate: String
        /// The private key (PKCS#8, or SEC1 for keys that came in that form).
        package let key: String
    }

    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// Clocks differ: a certificate is valid from this long before it was made.
    private static let backdating: TimeInterval = 300

    /// Makes a new authority.
    ///
    /// - Parameters:
    ///   - days: How long it is valid.
    ///   - kind: How its key is made.
    ///   - now: When it is made.
    package static func make(
        commonName: String, days: Int, key kind: CertificateKeyKind = .p256, now: CertificateTime = .now
    ) throws -> CertificateAuthority {
        let key = try kind.make()
        return CertificateAuthority(
            certificate: try selfSigned(key, subject: try name(commonName), days: days, now), key: key)
    }

    /// Reads an authority from the text of its files.
    ///
    /// - Throws: ``CertificateError`` saying what is wrong with them.
    package init(certificate: String, key: String) throws(CertificateError) {
        do {
            self.certificate = try Certificate(pemEncoded: certificate)
        } catch {
            throw CertificateError("the authority's certificate cannot be read: \(error)")
        }
        do {
            self.key = try Certificate.PrivateKey(pemEncoded: key)
        } catch {
            throw CertificateError(
                "the authority's key cannot be read; it has to be a PEM file without a password: \(error)")
        }
        guard self.certificate.publicKey == self.key.publicKey else {
            throw CertificateError(
                "the authority's key is not that of its certificate; give the two that were made together")
        }
        guard case .isCertificateAuthority? = try? self.certificate.extensions.basicConstraints else {
            throw CertificateError(
                "the certificate of \(self.certificate.subject) is no authority's (basicConstraints)")
        }
    }

    private init(certificate: Certificate, key: Certificate.PrivateKey) {
        self.certificate = certificate
        self.key = key
    }

    /// The authority's own files.
    package var pair: Pair {
        get throws {
            Pair(certificate: try Self.text(of: certificate), key: try key.serializeAsPEM().pemString + "\n")
        }
    }

    /// When the authority's certificate expires.
    package var notAfter: CertificateTime {
        CertificateTime(seconds: Int(certificate.notValidAfter.timeIntervalSince1970))
    }

    /// The same authority with a new certificate for the same key, so that what it has issued stays good.
    package func renewed(days: Int, now: CertificateTime = .now) throws -> CertificateAuthority {
        CertificateAuthority(
            certificate: try Self.selfSigned(key, subject: certificate.subject, days: days, now), key: key)
    }

    /// Issues a certificate with a key of its own.
    ///
    /// It is valid for as many days as ordered, but not beyond the authority's own.
    ///
    /// - Parameter now: When it is made.
    package func issue(_ order: CertificateOrder, now: CertificateTime = .now) throws -> Pair {
        let leaf = try order.key.make()
        var usages: [ExtendedKeyUsage.Usage] = []
        if order.isForServers { usages.append(.serverAuth) }
        if order.isForClients { usages.append(.clientAuth) }
        // RSA keys may be used to encrypt keys, too, by peers with nothing newer than TLS 1.2.
        let isRSA = if case .rsa = order.key { true } else { false }
        let validity = Self.validity(order.days, now)
        let issued = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: leaf.publicKey,
            notValidBefore: max(validity.start, certificate.notValidBefore),
            notValidAfter: min(validity.end, certificate.notValidAfter), issuer: certificate.subject,
            subject: try Self.name(order.commonName),
            signatureAlgorithm: Self.algorithm(for: key),
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: isRSA))
                if !usages.isEmpty { try ExtendedKeyUsage(usages) }
                if !order.names.isEmpty { SubjectAlternativeNames(order.names.map(\.general)) }
                SubjectKeyIdentifier(hash: leaf.publicKey)
                AuthorityKeyIdentifier(
                    keyIdentifier: try certificate.extensions.subjectKeyIdentifier?.keyIdentifier
                        ?? SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
            },
            issuerPrivateKey: key)
        return Pair(certificate: try Self.text(of: issued), key: try leaf.serializeAsPEM().pemString + "\n")
    }

    private static func selfSigned(
        _ key: Certificate.PrivateKey, subject: DistinguishedName, days: Int, _ now: CertificateTime
    ) throws -> Certificate {
        let validity = validity(days, now)
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: validity.start, notValidAfter: validity.end, issuer: subject, subject: subject,
            signatureAlgorithm: algorithm(for: key),
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key)
    }

    private static func name(_ commonName: String) throws -> DistinguishedName {
        try DistinguishedName {
            OrganizationName("Gatehouse")
            CommonName(commonName)
        }
    }

    private static func validity(_ days: Int, _ now: CertificateTime) -> (start: Date, end: Date) {
        let now = Date(timeIntervalSince1970: Double(now.seconds))
        return (now.addingTimeInterval(-backdating), now.addingTimeInterval(Double(days) * 86_400))
    }

    /// The algorithm with which a key signs, by what it is.
    private static func algorithm(for key: Certificate.PrivateKey) -> Certificate.SignatureAlgorithm {
        if P256.Signing.PublicKey(key.publicKey) != nil { return .ecdsaWithSHA256 }
        if P384.Signing.PublicKey(key.publicKey) != nil { return .ecdsaWithSHA384 }
        if P521.Signing.PublicKey(key.publicKey) != nil { return .ecdsaWithSHA512 }
        if Curve25519.Signing.PublicKey(key.publicKey) != nil { return .ed25519 }
        return .sha256WithRSAEncryption
    }

    private static func text(of certificate: Certificate) throws -> String {
        try certificate.serializeAsPEM().pemString + "\n"
    }
}
