// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// What the files of some settings made, at one moment.
struct LoadedTLS: Sendable {
    let context: NIOSSLContext
    /// One's own certificate and the authorities, for watching when they expire.
    let certificates: [CertificateExpiry]
    /// What is odd, and does not keep it from working.
    let warnings: [String]
}

/// When a certificate in use expires.
package struct CertificateExpiry: Sendable, Equatable {
    /// The listener or dialler that uses it, as its place in the configuration: `grpc_server_settings.tls`.
    package var place: String
    /// The file it is in.
    package let file: String
    /// Whose it is.
    package let subject: String
    /// When it expires.
    package let notAfter: CertificateTime

    /// Whole days until then; negative once it has passed.
    package func daysLeft(now: CertificateTime = .now) -> Int { notAfter.days(from: now) }
}
