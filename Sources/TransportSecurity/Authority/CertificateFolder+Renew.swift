// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import NIOSSL
import Sockets
import X509

extension CertificateFolder {
    /// Renews what expires soon: the same names and uses, a new key, the old files kept beside.
    ///
    /// The authority keeps its key, so that everything that it has issued stays good; its new certificate is copied to all holders.
    ///
    /// - Parameters:
    ///   - days: How long what is renewed is valid.
    ///   - within: How many days may be left of what is renewed.
    /// - Returns: What was looked at, and whether it was renewed.
    /// - Throws: ``CertificateError`` when files cannot be read or written.
    package func renew(days: Int, within: Int, now: CertificateTime = .now) throws -> [Outcome] {
        var authority = try loadAuthority()
        var options = Options()
        options.replaces = true
        var outcomes: [Outcome] = []
        let isDue = authority.notAfter.days(from: now) < within
        if isDue {
            authority = try authority.renewed(days: days)
            try write(try authority.pair, certificate: authorityCertificate, key: authorityKey, options)
        }
        outcomes.append(Outcome(file: authorityCertificate, isMade: isDue))
        let certificate = try CertificateWriter.read(authorityCertificate)
        for holder in holders {
            let files = files(of: holder)
            let old = try certificateOf(files.certificate)
            let isDue = old.notAfter.days(from: now) < within
            if isDue {
                try write(
                    try authority.issue(try order(like: old, days: days)), certificate: files.certificate,
                    key: files.key, options)
            }
            if (try? CertificateWriter.read(files.authority)) != certificate {
                try CertificateWriter.write(
                    certificate, to: files.authority, mode: 0o644, replaces: true, keepsCopy: true)
            }
            outcomes.append(Outcome(file: files.certificate, isMade: isDue))
        }
        return outcomes
    }

    private func certificateOf(_ path: String) throws(CertificateError) -> LoadedCertificate {
        do throws(TLSSettingsError) {
            return try CertificateFile(file: TLSFile(key: "certfile", path: path)).load()[0]
        } catch {
            throw CertificateError(error.message)
        }
    }

    private func order(like old: LoadedCertificate, days: Int) throws(CertificateError) -> CertificateOrder {
        let identity = PeerIdentity(old.content)
        guard let commonName = identity.commonName else {
            throw CertificateError("the certificate of \(old.subject) has no common name; make it anew with --force")
        }
        var order = CertificateOrder(commonName: commonName, days: days)
        order.isForServers = old.permits(.serverAuth)
        order.isForClients = old.permits(.clientAuth)
        order.names =
            identity.dnsNames.map { .dns($0) } + identity.ipAddresses.map { .address($0) }
            + identity.uris.map { .uri($0) }
        if let key = _RSA.Signing.PublicKey(old.content.publicKey) { order.key = .rsa(bits: key.keySizeInBits) }
        return order
    }
}
