// SPDX-License-Identifier: Apache-2.0

import Values

/// How numbers pass through google.protobuf.Value, which knows doubles alone.
///
/// A whole number within 2^53 arrives as an integer, because that is what the sender had in nearly every case; all others
/// stay doubles. Minus zero stays a double, since an integer has no sign to give to zero. Integers beyond 2^53 are sent as
/// the nearest double. Infinities and NaN are refused in both directions: struct.proto forbids them, and the peers' JSON
/// cannot say them.
enum StructNumber {
    /// The value that a received number stands for; nil when it is not finite.
    @inline(__always)
    static func value(_ number: Double) -> Value? {
        if abs(number) <= ValueLimits.exactInteger {
            let whole = Int64(number)
            if Double(whole).bitPattern == number.bitPattern { return .int(whole) }
            return .double(number)
        }
        return number.isFinite ? .double(number) : nil
    }

    @inline(never)
    static func notFinite(_ number: Double, offset: Int? = nil) -> WireError {
        WireError(
            .number, "\(number) cannot be sent: numbers must be finite; use null or a string instead", offset: offset)
    }
}
