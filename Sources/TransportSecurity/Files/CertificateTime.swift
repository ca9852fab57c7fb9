// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment, as certificates and logs name it.
package struct CertificateTime: Sendable, Equatable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int

    /// Makes a moment.
    package init(seconds: Int) { self.seconds = seconds }

    /// This moment.
    package static var now: CertificateTime { CertificateTime(seconds: time(nil)) }

    package static func < (left: CertificateTime, right: CertificateTime) -> Bool { left.seconds < right.seconds }

    /// Whole days from `now` to this moment, rounded down; negative once it has passed.
    package func days(from now: CertificateTime) -> Int {
        Int((Double(seconds - now.seconds) / 86_400).rounded(.down))
    }

    /// The moment in UTC, as ISO 8601 writes it: `2026-11-22T10:30:00Z`.
    package var description: String {
        var seconds: time_t = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 40)
        let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
