// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import X509

/// Reads the authorities to trust.
struct TrustBundle {
    let file: TLSFile

    /// The certificates that can be trusted, and what is odd about the others.
    ///
    /// A certificate can be trusted that is an authority's, or one that was issued by itself, which trusts that one alone.
    func load(
        now: CertificateTime
    ) throws(TLSSettingsError) -> (
        certificates: [LoadedCertificate], warnings: [String]
    ) {
        let all = try CertificateFile(file: file).load()
        let usable = all.filter { $0.isAuthority || $0.isSelfIssued }
        guard let first = usable.first else {
            throw file.fault(
                "holds no certificate of an authority, but that of \(all[0].subject), issued by \(all[0].content.issuer); "
                    + "give the certificate of who issued it")
        }
        let valid = usable.filter { $0.notAfter >= now }
        guard !valid.isEmpty else {
            throw file.fault(
                "holds only authorities whose certificates have expired, that of \(first.subject) on \(first.notAfter); "
                    + "renew them")
        }
        var warnings: [String] = []
        for certificate in all where !certificate.isAuthority && !certificate.isSelfIssued {
            warnings.append(
                "\"\(file.path)\" holds the certificate of \(certificate.subject), which is no authority and has no effect there"
            )
        }
        for certificate in usable where certificate.notAfter < now {
            warnings.append(
                "\"\(file.path)\" holds the certificate of the authority \(certificate.subject), which expired on \(certificate.notAfter)"
            )
        }
        if !valid.contains(where: \.isSelfIssued) {
            warnings.append(
                "\"\(file.path)\" holds no root, only authorities that others have certified: nothing will be trusted by it; "
                    + "add the root's certificate")
        }
        return (valid, warnings)
    }
}
