// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The time of day, as tokens have it; another one in tests.
package struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// A clock that tells what this closure says.
    package init(_ read: @escaping @Sendable () -> Int64) { self.read = read }

    /// The seconds since 1970 (`NumericDate`, RFC 7519, section 2).
    package var now: Int64 { read() }

    /// The system's clock.
    package static let system = WallClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}
