// SPDX-License-Identifier: Apache-2.0

/// Who the other end of a connection has proven to be, by a certificate that was verified.
///
/// Sent down a channel as a user event by whoever verified it, before the first byte of the protocol.
package struct PeerIdentity: Sendable, Equatable {
    /// The subject, as RFC 4514 writes it: `CN=gateway,O=Example`.
    package var subject = ""
    /// The subject's common name, the last one if there are several.
    package var commonName: String?
    /// The alternative names that are DNS names.
    package var dnsNames: [String] = []
    /// The alternative names that are IP addresses, in their usual notation.
    package var ipAddresses: [String] = []
    /// The alternative names that are URIs.
    package var uris: [String] = []
    /// The alternative names that are addresses of mail.
    package var emailAddresses: [String] = []

    /// Makes an identity without names.
    package init() {}

    /// The SPIFFE ID: the only URI, if it is one of `spiffe://` (SPIFFE X.509-SVID, section 2).
    package var spiffeID: String? {
        guard uris.count == 1, let uri = uris.first, uri.utf8.starts(with: "spiffe://".utf8) else { return nil }
        return uri
    }
}
