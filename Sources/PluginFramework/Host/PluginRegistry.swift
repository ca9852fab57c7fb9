// SPDX-License-Identifier: Apache-2.0

import Values

/// The plugins that configuration can ask for: kinds and aliases, and how each is made.
public struct PluginRegistry: Sendable {
    private var types: [ByteKey: any Plugin.Type] = [:]
    private var order: [String] = []

    /// Makes an empty registry.
    public init() {}

    /// Makes a registry of these plugins; of two with the same kind, the later one counts.
    public init(_ types: [any Plugin.Type]) {
        for type in types { register(type) }
    }

    /// Adds a plugin under its kind and its aliases; a plugin that had one of these names loses it.
    public mutating func register(_ type: any Plugin.Type) {
        for kind in [type.kind] + type.kindAliases {
            if types.updateValue(type, forKey: ByteKey(kind)) == nil { order.append(kind) }
        }
    }

    /// All kinds and aliases, in the order in which they were added.
    public var kinds: [String] { order }

    /// Whether configuration can ask for this kind.
    public func contains(_ kind: String) -> Bool { types[ByteKey(kind)] != nil }

    /// Makes the plugin that an entry asks for.
    ///
    /// - Throws: ``SettingsError`` for an unknown kind (with an empty key) or a fault in `config`.
    func makePlugin(for entry: PluginEntry) throws(SettingsError) -> any Plugin {
        guard let type = types[ByteKey(entry.kind)] else {
            let suggestion = entry.kind.closestMatch(among: order).map { "did you mean \"\($0)\"? " } ?? ""
            throw SettingsError(
                key: "kind",
                "unknown kind \"\(entry.kind)\"; \(suggestion)known kinds are \(order.joined(separator: ", "))")
        }
        return try Self.make(type, config: entry.config)
    }

    private static func make<P: Plugin>(_ type: P.Type, config: ValueObject) throws(SettingsError) -> any Plugin {
        do {
            return try P(
                settings: ValueDecoder.decode(P.Settings.self, from: .object(config), defaults: encodedDefaults(P.self))
            )
        } catch let error as SettingsError {
            throw SettingsError(key: error.key.isEmpty ? "config" : "config.\(error.key)", error.message)
        } catch let error as ValueError {
            throw SettingsError(key: error.path.isEmpty ? "config" : "config.\(error.path)", error.message)
        } catch {
            throw SettingsError(key: "config", "the plugin does not accept its settings: \(error)")
        }
    }

    private static func encodedDefaults<P: Plugin>(_ type: P.Type) throws -> Value {
        try ValueEncoder.encode(P.Settings())
    }
}
