// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOSSL
import Sockets
import SwiftASN1
import X509

extension CertificateFolder {
    /// What a look at one certificate showed.
    package struct Finding: Sendable, Equatable {
        /// The certificate's file.
        package let file: String
        /// Whose it is; nil when the file cannot be read.
        package var subject: String?
        /// Its alternative names.
        package var names: [String] = []
        /// When it expires.
        package var notAfter: CertificateTime?
        /// What keeps it from being used: empty when it is in order.
        package var problems: [String] = []

        /// Whole days until it expires; negative once it has.
        package func daysLeft(now: CertificateTime = .now) -> Int? { notAfter?.days(from: now) }
    }

    /// The holders that have a folder, the gateway first, then plugins by name.
    package var holders: [Holder] {
        var holders: [Holder] = []
        if CertificateWriter.exists(files(of: .gateway).certificate) { holders.append(.gateway) }
        guard let folder = opendir("\(path)/plugins") else { return holders }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if (try? Self.check(plugin: name)) != nil, CertificateWriter.exists(files(of: .plugin(name)).certificate) {
                names.append(name)
            }
        }
        return holders + names.sorted().map { .plugin($0) }
    }

    /// Looks at all certificates of the folder: whether they are valid now, belong to their keys, and come from the authority.
    ///
    /// - Throws: ``CertificateError`` when there is no authority.
    package func check(now: CertificateTime = .now) throws(CertificateError) -> [Finding] {
        guard CertificateWriter.exists(authorityCertificate) else {
            throw CertificateError(
                "\"\(authorityCertificate)\" does not exist; make certificates with: gatehouse certs all, or give --dir"
            )
        }
        let authority = try? Certificate(pemEncoded: CertificateWriter.read(authorityCertificate))
        var findings = [look(authorityCertificate, authorityKey, issuer: authority, now)]
        for holder in holders {
            let files = files(of: holder)
            var finding = look(files.certificate, files.key, issuer: authority, now)
            if (try? CertificateWriter.read(files.authority)) != (try? CertificateWriter.read(authorityCertificate)) {
                finding.problems.append("its ca.crt is not that of the authority; copy ca/ca.crt there, or run renew")
            }
            findings.append(finding)
        }
        return findings
    }

    private func look(
        _ certificatePath: String, _ keyPath: String, issuer: Certificate?, _ now: CertificateTime
    ) -> Finding {
        var finding = Finding(file: certificatePath)
        let certificate: LoadedCertificate
        do throws(TLSSettingsError) {
            certificate = try CertificateFile(file: TLSFile(key: "certfile", path: certificatePath)).load()[0]
        } catch {
            finding.problems.append(error.message)
            return finding
        }
        let identity = PeerIdentity(certificate.content)
        finding.subject = certificate.subject
        finding.names = identity.dnsNames + identity.ipAddresses + identity.uris
        finding.notAfter = certificate.notAfter
        if certificate.notAfter < now { finding.problems.append("expired; run: gatehouse certs renew") }
        if certificate.notBefore > now { finding.problems.append("not valid yet; check the clock") }
        if let issuer, !issuer.publicKey.isValidSignature(certificate.content.signature, for: certificate.content) {
            finding.problems.append("not issued by the authority in ca; make it anew with --force")
        }
        finding.problems += keyProblems(keyPath, certificate)
        return finding
    }

    private func keyProblems(_ path: String, _ certificate: LoadedCertificate) -> [String] {
        var information = stat()
        guard stat(path, &information) == 0 else { return ["its key \"\(path)\" is missing"] }
        var problems: [String] = []
        if information.st_mode & 0o077 != 0 {
            problems.append("others may read its key; run: chmod 600 \(path)")
        }
        guard let text = try? CertificateWriter.read(path), let key = try? Certificate.PrivateKey(pemEncoded: text)
        else {
            return problems + ["its key \"\(path)\" cannot be read (PEM, without a password)"]
        }
        if key.publicKey != certificate.content.publicKey {
            problems.append("its key is another certificate's; make both anew with --force")
        }
        return problems
    }
}
