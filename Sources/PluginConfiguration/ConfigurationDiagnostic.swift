// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong with a configuration, or looks so.
package struct ConfigurationDiagnostic: Sendable, Equatable {
    /// Whether the configuration can be used.
    package enum Severity: Sendable {
        /// It cannot.
        case error
        /// It can, but probably does not do what was meant.
        case warning
    }

    /// Whether the configuration can be used.
    package var severity: Severity
    /// Where the value came from.
    package var source: SettingSource
    /// Which value it is.
    package var path: KeyPathText
    /// What is wrong, and after a semicolon what to do.
    package var message: String
}

extension ConfigurationDiagnostic: CustomStringConvertible {
    /// `file:line: key.path: what is wrong; what to do`, on one line.
    package var description: String {
        path.description.isEmpty ? "\(source): \(message)" : "\(source): \(path): \(message)"
    }
}

/// Why a configuration cannot be used: everything that is wrong with it, at once.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The errors, by source and line.
    package var errors: [ConfigurationDiagnostic]
    /// What else was noticed.
    package var warnings: [ConfigurationDiagnostic]

    /// One line an error.
    package var description: String { errors.map(\.description).joined(separator: "\n") }
}
