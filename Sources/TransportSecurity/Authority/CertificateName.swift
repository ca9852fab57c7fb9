// SPDX-License-Identifier: Apache-2.0

import Glibc
import SwiftASN1
import X509

/// An alternative name of a new certificate.
package enum CertificateName: Sendable, Hashable, CustomStringConvertible {
    /// A DNS name; the first label may be `*`.
    case dns(String)
    /// An IP address.
    case address(String)
    /// A URI, such as a SPIFFE ID.
    case uri(String)

    /// Reads a name: `dns:NAME`, `ip:ADDRESS`, `uri:URI`, or one of the three as it stands.
    ///
    /// - Throws: ``CertificateError`` for what is none of them.
    package init(_ text: String) throws(CertificateError) {
        if let rest = Self.rest(text, "dns:") {
            self = try Self.dnsName(rest)
        } else if let rest = Self.rest(text, "ip:") {
            guard Self.bytes(ofAddress: rest) != nil else {
                throw CertificateError("\"\(rest)\" is no IP address; give one such as 10.0.0.5 or ::1")
            }
            self = .address(rest)
        } else if let rest = Self.rest(text, "uri:") {
            self = try Self.uriName(rest)
        } else if text.contains("://") {
            self = try Self.uriName(text)
        } else if Self.bytes(ofAddress: text) != nil {
            self = .address(text)
        } else {
            self = try Self.dnsName(text)
        }
    }

    private static func rest(_ text: String, _ prefix: String) -> String? {
        text.utf8.starts(with: prefix.utf8) ? String(text.dropFirst(prefix.count)) : nil
    }

    private static func dnsName(_ text: String) throws(CertificateError) -> CertificateName {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.enumerated().allSatisfy { index, label in
            if index == 0, label == "*", labels.count > 1 { return true }
            return (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                }
        }
        guard isName, text.utf8.count <= 253 else {
            throw CertificateError(
                "\"\(text)\" is no DNS name; give one such as plugins.example.com, an IP address, or a URI")
        }
        return .dns(text)
    }

    private static func uriName(_ text: String) throws(CertificateError) -> CertificateName {
        let scheme = text.prefix { $0 != ":" }
        guard !scheme.isEmpty, scheme.count < text.count - 1, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw CertificateError("\"\(text)\" is no URI; give one such as spiffe://example.org/gateway")
        }
        return .uri(text)
    }

    private static func bytes(ofAddress text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }

    var general: GeneralName {
        switch self {
        case .dns(let name): .dnsName(name)
        case .uri(let uri): .uniformResourceIdentifier(uri)
        case .address(let text): .ipAddress(ASN1OctetString(contentBytes: Self.bytes(ofAddress: text)?[...] ?? []))
        }
    }

    package var description: String {
        switch self {
        case .dns(let text), .address(let text), .uri(let text): text
        }
    }
}

/// Why certificates could not be made, read or written.
package struct CertificateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and what to do.
    package let message: String

    init(_ message: String) { self.message = message }

    package var description: String { message }
}
