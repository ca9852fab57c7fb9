// SPDX-License-Identifier: Apache-2.0

/// Who calls a plugin over the network, as the certificate says that it showed and that was verified.
///
/// It is told by the connection, not by the request, so that no caller can claim to be another.
public struct CallerIdentity: Sendable, Equatable {
    /// The subject, as RFC 4514 writes it: `CN=gateway,O=Example`.
    public var subject: String
    /// The alternative names that are DNS names.
    public var dnsNames: [String]
    /// The alternative names that are IP addresses.
    public var ipAddresses: [String]
    /// The alternative names that are URIs.
    public var uris: [String]
    /// The alternative names that are addresses of mail.
    public var emailAddresses: [String]
    /// The SPIFFE ID, if the certificate has one.
    public var spiffeID: String?

    /// Makes an identity.
    public init(
        subject: String, dnsNames: [String] = [], ipAddresses: [String] = [], uris: [String] = [],
        emailAddresses: [String] = [], spiffeID: String? = nil
    ) {
        self.subject = subject
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.uris = uris
        self.emailAddresses = emailAddresses
        self.spiffeID = spiffeID
    }
}
