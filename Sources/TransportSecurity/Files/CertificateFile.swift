// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import SwiftASN1
import X509

/// A certificate in both of the forms that are needed of it.
struct LoadedCertificate {
    let native: NIOSSLCertificate
    let content: Certificate

    init(_ native: NIOSSLCertificate) throws {
        self.native = native
        content = try Certificate(derEncoded: native.toDERBytes())
    }

    var subject: String { content.subject.isEmpty ? "(no subject)" : content.subject.description }
    var notBefore: CertificateTime { CertificateTime(seconds: native.notValidBefore) }
    var notAfter: CertificateTime { CertificateTime(seconds: native.notValidAfter) }
    var isSelfIssued: Bool { content.issuer == content.subject }

    var isAuthority: Bool {
        guard case .isCertificateAuthority? = try? content.extensions.basicConstraints else { return false }
        return true
    }

    /// Whether the certificate may be shown by this side of a connection (RFC 5280, section 4.2.1.12).
    func permits(_ usage: ExtendedKeyUsage.Usage) -> Bool {
        guard let usages = try? content.extensions.extendedKeyUsage else {
            // Without the extension, anything is permitted; one that cannot be read permits nothing.
            return content.extensions[oid: .X509ExtensionID.extendedKeyUsage] == nil
        }
        return usages.contains(usage) || usages.contains(.any)
    }
}

/// Reads certificates.
struct CertificateFile {
    let file: TLSFile

    /// The certificates of the file, in its order; at least one.
    func load() throws(TLSSettingsError) -> [LoadedCertificate] {
        let bytes = try file.read()
        let natives: [NIOSSLCertificate]
        do {
            natives = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw file.fault(
                "has no certificate that can be read; give a file with -----BEGIN CERTIFICATE----- in it (PEM)")
        }
        guard !natives.isEmpty else {
            throw file.fault("has no certificate; give a file with -----BEGIN CERTIFICATE----- in it (PEM)")
        }
        var certificates: [LoadedCertificate] = []
        for (index, native) in natives.enumerated() {
            do {
                certificates.append(try LoadedCertificate(native))
            } catch {
                throw file.fault("has a certificate (number \(index + 1)) that cannot be read: \(error); make it anew")
            }
        }
        return certificates
    }

    /// A chain to show: what is first is one's own certificate, valid now, and made for this side of a connection.
    func loadChain(for side: TLSSide, now: CertificateTime) throws(TLSSettingsError) -> [LoadedCertificate] {
        let chain = try load()
        let leaf = chain[0]
        guard leaf.notAfter >= now else {
            throw file.fault("holds a certificate (\(leaf.subject)) that expired on \(leaf.notAfter); renew it")
        }
        guard leaf.notBefore <= now else {
            throw file.fault(
                "holds a certificate (\(leaf.subject)) that is not valid before \(leaf.notBefore); "
                    + "check this machine's clock, or give one that is valid now")
        }
        guard leaf.permits(side.usage) else {
            throw file.fault(
                "holds a certificate (\(leaf.subject)) whose extendedKeyUsage does not permit a \(side.rawValue) "
                    + "to use it; give one that has \(side.usageName)")
        }
        return chain
    }
}

/// Which end of a connection shows a certificate.
package enum TLSSide: String, Sendable {
    /// The one that listens.
    case server
    /// The one that connects.
    case client

    var usage: ExtendedKeyUsage.Usage { self == .server ? .serverAuth : .clientAuth }
    var usageName: String { self == .server ? "serverAuth" : "clientAuth" }
    var other: TLSSide { self == .server ? .client : .server }
}
