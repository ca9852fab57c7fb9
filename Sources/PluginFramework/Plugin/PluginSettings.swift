// SPDX-License-Identifier: Apache-2.0

public import Values

/// The settings of a plugin, decoded from `config:` of its entry.
///
/// A struct with a default for each property is all it takes. A key that is absent keeps the default, a key that the struct does
/// not know is an error with a suggestion. Keys may be written as the property is (`maxItems`) or in snake case (`max_items`).
public protocol PluginSettings: DefaultDecodable, Sendable {
    /// The defaults.
    init()
}

/// The settings of a plugin that has none.
public struct NoSettings: PluginSettings, Equatable {
    /// There is nothing to set.
    public init() {}
}

/// A setting that makes no sense.
public struct SettingsError: Error, Sendable, Equatable {
    /// The key within `config`, parts joined by dots ("words.3.search"); empty for the whole.
    public var key: String
    /// What is wrong and what to do.
    public var message: String

    /// Makes an error.
    public init(key: String, _ message: String) {
        self.key = key
        self.message = message
    }
}

extension SettingsError: CustomStringConvertible {
    /// The key and the message, on one line.
    public var description: String { key.isEmpty ? message : "\(key): \(message)" }
}
