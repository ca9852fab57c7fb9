// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import Sockets
import X509

/// Why a connection could not be secured, in words.
package struct TLSFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable {
        /// The peer's certificate was not accepted here.
        case peerRefused
        /// The peer did not accept us.
        case refusedByPeer
        /// The peer does not speak TLS, or none that we speak, or not the protocol within.
        case noCommonProtocol
        /// The peer went away.
        case interrupted
        /// Something else.
        case other
    }

    /// What kind of failure it is.
    package let code: Code

    /// What happened, why, and what to do.
    package let message: String

    package var description: String { message }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Puts an error of NIOSSL into words; nil if it has nothing to do with TLS.
    ///
    /// - Parameters:
    ///   - side: Our side of the connection.
    ///   - name: The name that was dialled, on the client's side.
    ///   - certificate: What the peer showed, if it got as far as that.
    init?(
        _ error: any Error, side: TLSSide, name: String? = nil, certificate: NIOSSLCertificate?,
        now: CertificateTime = .now
    ) {
        let peer = certificate.flatMap { try? LoadedCertificate($0) }
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            let what = name.map { "the name \($0)" } ?? "the address that was dialled"
            let names = peer.map { PeerIdentity.names(of: $0.content) } ?? []
            let has = names.isEmpty ? "no names" : names.prefix(8).joined(separator: ", ")
            self.init(
                .peerRefused,
                "the server's certificate is not for \(what), but for \(has); dial it by one of its names, set server_name, "
                    + "or have it issued for this one")
        case let error as NIOSSLExtraError:
            self.init(.other, "TLS failed: \(error)")
        case NIOSSLError.handshakeFailed(.sslError(let stack)), BoringSSLError.sslError(let stack):
            self.init(stack.map { "\($0)" }.joined(separator: "; "), side, peer, now)
        case NIOSSLError.handshakeFailed(let error):
            self.init("\(error)", side, peer, now)
        case NIOSSLError.uncleanShutdown:
            self.init(.interrupted, "the connection was cut without TLS being ended")
        case let error as NIOSSLError:
            self.init(.other, "TLS failed: \(error)")
        case let error as BoringSSLError:
            self.init(.other, "TLS failed: \(error)")
        default:
            return nil
        }
    }

    private init(_ text: String, _ side: TLSSide, _ peer: LoadedCertificate?, _ now: CertificateTime) {
        let them = side.other.rawValue
        func has(_ reasons: String...) -> Bool { reasons.contains { text.contains($0) } }
        if has("CERTIFICATE_VERIFY_FAILED") {
            self.init(.peerRefused, Self.refusal(of: peer, side, now))
        } else if has("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            self.init(
                .peerRefused,
                "the client shows no certificate, and one is required; give the client certfile and keyfile, "
                    + "or set client_auth to optional or none")
        } else if has("CERTIFICATE_REQUIRED") {
            self.init(
                .refusedByPeer,
                "the \(them) requires a certificate, and there is none to show; give certfile and keyfile")
        } else if has("CERTIFICATE_EXPIRED") {
            self.init(.refusedByPeer, "the \(them) finds our certificate expired; renew certfile")
        } else if has("ALERT_UNKNOWN_CA") {
            self.init(
                .refusedByPeer,
                "the \(them) does not trust the authority of our certificate; give one that it trusts, or add the authority to "
                    + "the ca_bundle there")
        } else if has(
            "ALERT_BAD_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE", "ALERT_CERTIFICATE_UNKNOWN",
            "ALERT_CERTIFICATE_REVOKED", "ALERT_ACCESS_DENIED", "ALERT_HANDSHAKE_FAILURE", "ALERT_DECRYPT_ERROR")
        {
            self.init(
                .refusedByPeer,
                "the \(them) refuses the handshake, probably because of the certificate that it was shown, or was not; "
                    + "its log tells more (\(Self.reason(text)))")
        } else if has("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNEXPECTED_MESSAGE") {
            self.init(
                .noCommonProtocol,
                side == .client
                    ? "the server does not speak TLS there; remove tls, or dial its TLS port"
                    : "the client does not speak TLS; this port is for TLS alone")
        } else if has("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_SHARED_CIPHER", "INAPPROPRIATE_FALLBACK") {
            self.init(
                .noCommonProtocol,
                "the \(them) speaks no version of TLS, or no cipher, that is spoken here (TLS 1.2 and 1.3)")
        } else if has("NO_APPLICATION_PROTOCOL") {
            self.init(.noCommonProtocol, "the \(them) does not speak the protocol that was to be secured (ALPN)")
        } else if has("EOF during handshake") {
            self.init(.interrupted, "the \(them) closed the connection during the TLS handshake")
        } else {
            self.init(.other, "TLS failed: \(Self.reason(text))")
        }
    }

    /// Why the certificate that the peer showed was not accepted, as far as that can be told from it.
    private static func refusal(of peer: LoadedCertificate?, _ side: TLSSide, _ now: CertificateTime) -> String {
        let them = side.other.rawValue
        guard let peer else { return "the \(them)'s certificate is not accepted" }
        let whose = "the \(them)'s certificate (\(peer.subject))"
        if peer.notAfter < now { return "\(whose) expired on \(peer.notAfter); renew it there" }
        if peer.notBefore > now {
            return "\(whose) is not valid before \(peer.notBefore); check the clocks of both machines"
        }
        if !peer.permits(side.other.usage) {
            return "\(whose) may not be used by a \(them) (extendedKeyUsage); give the \(them) one that has "
                + side.other.usageName
        }
        return "\(whose) was issued by \(peer.content.issuer), which is not among the authorities trusted here, "
            + "or has expired; add its certificate to ca_bundle, or give the \(them) a certificate of one that is"
    }

    /// OpenSSL's name of the reason: the last of `error:1e000065:SSL routines:OPENSSL_internal:REASON at FILE:LINE`.
    private static func reason(_ text: String) -> String {
        guard let range = text.firstRange(of: "OPENSSL_internal:") else { return String(text.prefix(200)) }
        return String(text[range.upperBound...].prefix { !$0.isWhitespace })
    }
}
