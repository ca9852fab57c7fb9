// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import Sockets
import SwiftASN1
import X509

extension PeerIdentity {
    /// Reads who a verified certificate says its holder is.
    init(_ certificate: NIOSSLCertificate) throws {
        self.init(try Certificate(derEncoded: certificate.toDERBytes()))
    }

    /// Reads who a verified certificate says its holder is.
    init(_ certificate: Certificate) {
        self.init()
        subject = certificate.subject.description
        for relative in certificate.subject {
            for attribute in relative where attribute.type == .RDNAttributeType.commonName {
                commonName = String(attribute.value)
            }
        }
        guard let names = try? certificate.extensions.subjectAlternativeNames else { return }
        for name in names {
            switch name {
            case .dnsName(let text): dnsNames.append(text)
            case .uniformResourceIdentifier(let text): uris.append(text)
            case .rfc822Name(let text): emailAddresses.append(text)
            case .ipAddress(let bytes): ipAddresses.append(Self.text(ofAddress: bytes.bytes))
            default: break
            }
        }
    }

    /// The alternative names of a certificate that a connection's name is compared with.
    static func names(of certificate: Certificate) -> [String] {
        let identity = PeerIdentity(certificate)
        return identity.dnsNames + identity.ipAddresses
    }

    /// An address of 4 or 16 bytes in its usual notation (RFC 5280, section 4.2.1.6).
    private static func text(ofAddress bytes: ArraySlice<UInt8>) -> String {
        let address = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0)
        return address?.ipAddress ?? bytes.map { String($0, radix: 16) }.joined(separator: ":")
    }
}
