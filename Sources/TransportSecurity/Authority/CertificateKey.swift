// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import X509

/// How the keys of new certificates are made.
package enum CertificateKeyKind: Sendable, Equatable {
    /// An elliptic curve's, P-256: small, fast, known to every peer.
    case p256
    /// RSA with this many bits: for peers that know nothing else.
    case rsa(bits: Int)

    /// How many bits an RSA key may have here.
    package static let rsaBits = [2_048, 3_072, 4_096]

    /// A new key; an RSA key of 4,096 bits takes seconds.
    func make() throws -> Certificate.PrivateKey {
        switch self {
        case .p256: Certificate.PrivateKey(P256.Signing.PrivateKey())
        case .rsa(let bits): Certificate.PrivateKey(try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits)))
        }
    }
}

/// Who a new certificate is for, and for how long.
package struct CertificateOrder: Sendable, Equatable {
    /// The common name.
    package var commonName: String
    /// The alternative names.
    package var names: [CertificateName] = []
    /// Whether servers may show it.
    package var isForServers = false
    /// Whether clients may show it.
    package var isForClients = false
    /// How long it is valid, from now.
    package var days: Int
    /// How its key is made.
    package var key: CertificateKeyKind = .p256

    /// Makes an order for a certificate without alternative names and without uses.
    package init(commonName: String, days: Int) {
        self.commonName = commonName
        self.days = days
    }
}
