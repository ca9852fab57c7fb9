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
        let line = path.description.isEmpty ? "\(source): \(message)" : "\(source): \(path): \(message)"
        return Self.onOneLine(line)
    }

    /// Keys and values of a file may hold line feeds and terminal escapes; what is printed may not.
    private static func onOneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.generalCategory == .control {
                result += scalar.escaped(asASCII: true)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
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
