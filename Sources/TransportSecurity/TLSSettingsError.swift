// SPDX-License-Identifier: Apache-2.0

/// Why TLS settings cannot be used.
package struct TLSSettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The key within `tls` that is at fault, such as `keyfile`.
    package let key: String

    /// What is wrong and what to do, with the file if one is at fault.
    package let message: String

    /// Makes an error.
    package init(key: String, _ message: String) {
        self.key = key
        self.message = message
    }

    package var description: String { "tls.\(key): \(message)" }
}
