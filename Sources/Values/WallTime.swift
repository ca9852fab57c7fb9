// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment by the clock on the wall, to the second.
package struct WallTime: Sendable, Equatable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int

    /// This moment.
    package static var now: WallTime { WallTime(seconds: time(nil)) }

    /// The moment in UTC, as ISO 8601 writes it: `2026-11-22T10:30:00Z`.
    package var description: String {
        var seconds: time_t = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
