// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import PluginFramework
import X509

/// The protocol that TLS is to carry, as ALPN names it (RFC 7301).
package enum TLSApplication: String, Sendable {
    /// gRPC: HTTP/2, and nothing else.
    case http2 = "h2"
    /// HTTP/1.1, which is also what a peer without ALPN speaks.
    case http1 = "http/1.1"
}

/// From settings to contexts: the one place where they are made.
///
/// Everything that can be wrong with the files is an error here, at start, rather than at the first connection.
struct TLSContextLoader {
    /// `tls` in the configuration, such as `grpc_server_settings.tls`.
    let place: String
    let application: TLSApplication

    /// The context of a listener.
    func load(_ settings: ServerTLSSettings, now: CertificateTime = .now) throws(TLSSettingsError) -> LoadedTLS {
        var warnings: [String] = []
        let chainFile = TLSFile(key: "certfile", path: settings.certificateFile)
        let keyFile = TLSFile(key: "keyfile", path: settings.keyFile)
        let chain = try CertificateFile(file: chainFile).loadChain(for: .server, now: now)
        let key = try PrivateKeyFile(file: keyFile, password: settings.keyFilePassword).load()
        var expiries = [expiry(chain[0], chainFile)]
        if (try? chain[0].content.extensions.subjectAlternativeNames)?.isEmpty ?? true {
            warnings.append(
                "\"\(chainFile.path)\" holds a certificate (\(chain[0].subject)) without alternative names: clients will not accept it "
                    + "unless they do not check the name")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0.native) }, privateKey: .privateKey(key))
        switch settings.clientAuthentication {
        case .none: configuration.certificateVerification = .none
        case .optional: configuration.certificateVerification = .optionalVerification
        // A client has no name to be checked; who it is decides the authority, and `allowed_clients`.
        case .require: configuration.certificateVerification = .noHostnameVerification
        }
        if settings.clientAuthentication != .none {
            guard let path = settings.caBundle else {
                throw TLSSettingsError(
                    key: "ca_bundle", "is missing, and clients are to be verified; give the authorities to trust (PEM)")
            }
            let file = TLSFile(key: "ca_bundle", path: path)
            let trusted = try TrustBundle(file: file).load(now: now)
            configuration.trustRoots = .certificates(trusted.certificates.map(\.native))
            expiries += trusted.certificates.map { expiry($0, file) }
            warnings += trusted.warnings
        }
        let context = try make(configuration, chainFile, keyFile)
        return LoadedTLS(context: context, certificates: expiries, warnings: warnings)
    }

    /// The context of a dialler.
    func load(_ settings: ClientTLSSettings, now: CertificateTime = .now) throws(TLSSettingsError) -> LoadedTLS {
        var warnings: [String] = []
        var expiries: [CertificateExpiry] = []
        var configuration = TLSConfiguration.makeClientConfiguration()
        switch (settings.verify, settings.checkHostname) {
        case (false, _): configuration.certificateVerification = .none
        case (true, false): configuration.certificateVerification = .noHostnameVerification
        case (true, true): configuration.certificateVerification = .fullVerification
        }
        // A bundle is read even when nothing is verified: a wrong one is a mistake that should not wait for its day.
        if let path = settings.caBundle {
            let file = TLSFile(key: "ca_bundle", path: path)
            let trusted = try TrustBundle(file: file).load(now: now)
            configuration.trustRoots = .certificates(trusted.certificates.map(\.native))
            expiries += trusted.certificates.map { expiry($0, file) }
            warnings += trusted.warnings
        }
        var files: (chain: TLSFile, key: TLSFile)?
        if let path = settings.certificateFile {
            // Both may be in one file, as for Python's `load_cert_chain`.
            let keyFile = TLSFile(key: "keyfile", path: settings.keyFile ?? path)
            let chainFile = TLSFile(key: "certfile", path: path)
            let chain = try CertificateFile(file: chainFile).loadChain(for: .client, now: now)
            let key = try PrivateKeyFile(file: keyFile, password: settings.keyFilePassword).load()
            configuration.certificateChain = chain.map { .certificate($0.native) }
            configuration.privateKey = .privateKey(key)
            expiries.append(expiry(chain[0], chainFile))
            files = (chainFile, keyFile)
        } else if settings.keyFile != nil {
            throw TLSSettingsError(key: "keyfile", "needs certfile beside it; give the certificate of this key")
        }
        let context = try make(
            configuration, files?.chain, files?.key, usesSystemRoots: settings.verify && settings.caBundle == nil)
        return LoadedTLS(context: context, certificates: expiries, warnings: warnings)
    }

    /// Both were read before, so that the only thing which a key can still do wrong is to be another certificate's.
    private static func isMismatch(_ error: any Error) -> Bool {
        if case NIOSSLError.failedToLoadPrivateKey = error { return true }
        let text = "\(error)"
        return text.contains("KEY_VALUES_MISMATCH") || text.contains("KEY_TYPE_MISMATCH")
    }

    private func expiry(_ certificate: LoadedCertificate, _ file: TLSFile) -> CertificateExpiry {
        CertificateExpiry(
            place: place, file: file.path, subject: certificate.subject, notAfter: certificate.notAfter)
    }

    private func make(
        _ configuration: TLSConfiguration, _ chain: TLSFile?, _ key: TLSFile?, usesSystemRoots: Bool = false
    ) throws(TLSSettingsError) -> NIOSSLContext {
        var configuration = configuration
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = [application.rawValue]
        // How long a connection that is closed waits for its peer to agree.
        configuration.shutdownTimeout = .seconds(1)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let reason = "\(error)"
            if let chain, let key, Self.isMismatch(error) {
                throw key.fault(
                    "is not the key of the certificate in \"\(chain.path)\"; give the two that were made together")
            }
            if usesSystemRoots, chain == nil {
                // The only thing that was not read above.
                throw TLSSettingsError(
                    key: "ca_bundle",
                    "is not given, and this system's own authorities cannot be read (\(reason)); "
                        + "give the authorities to trust (PEM), or install the package ca-certificates")
            }
            throw TLSSettingsError(
                key: chain?.key ?? "ca_bundle", "cannot be used: \(reason); make certificate and key anew")
        }
    }
}
