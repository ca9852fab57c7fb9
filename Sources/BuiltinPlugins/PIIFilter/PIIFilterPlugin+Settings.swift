// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework

extension PIIFilterPlugin {
    /// The detector that settings describe.
    static func detector(_ settings: PIIFilterSettings) throws -> PIIDetector {
        let strategy = try maskStrategy(settings.defaultMaskStrategy, key: "default_mask_strategy")
        var customPatterns: [PIIDetector.CustomPattern] = []
        for (index, custom) in settings.customPatterns.enumerated() {
            let key = "custom_patterns.\(index)"
            if custom.pattern.isEmpty {
                throw SettingsError(key: "\(key).pattern", "is required; write a regular expression of Python's re")
            }
            // A pattern that is switched off is still checked: switching it on must not fail.
            let pattern = try pattern(custom.pattern, key: "\(key).pattern")
            guard let type = PIIType(rawValue: custom.type) else {
                let names = PIIType.allCases.map(\.rawValue)
                throw SettingsError(
                    key: "\(key).type", "unknown type '\(custom.type)'; write one of \(names.joined(separator: ", "))")
            }
            let own = try custom.maskStrategy.map { try maskStrategy($0, key: "\(key).mask_strategy") }
            if custom.enabled {
                customPatterns.append(.init(pattern: pattern, type: type, strategy: own ?? strategy))
            }
        }
        let whitelist = try settings.whitelistPatterns.enumerated().map { index, source in
            try pattern(source, key: "whitelist_patterns.\(index)")
        }
        return PIIDetector(
            types: Set(PIIType.allCases.filter(settings.detects)), strategy: strategy, customPatterns: customPatterns,
            whitelist: whitelist)
    }

    private static func pattern(_ source: String, key: String) throws(SettingsError) -> Pattern {
        do {
            return try Pattern(source, flags: .ignoreCase)
        } catch {
            throw SettingsError(key: key, "\(error)")
        }
    }

    private static func maskStrategy(_ name: String, key: String) throws(SettingsError) -> MaskStrategy {
        guard let strategy = MaskStrategy(rawValue: name) else {
            let names = MaskStrategy.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingsError(key: key, "unknown strategy '\(name)'; write one of \(names)")
        }
        return strategy
    }

    static func requirePositive(_ value: Int, _ key: String) throws(SettingsError) {
        if value < 1 { throw SettingsError(key: key, "must be at least 1, not \(value); leave it out for the default") }
    }
}
