// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
package import Values

/// One value of a configuration and where it came from.
package struct ReportedSetting: Sendable, Equatable {
    /// Which value it is.
    package var path: KeyPathText
    /// The value as used; null where unset.
    package var value: Value
    /// Where it came from.
    package var source: SettingSource
    /// Whether it is hidden when shown.
    package var isSecret: Bool
}

/// Every value of a configuration and where it came from; what `gatehouse config show` prints.
package struct ConfigurationReport: Sendable {
    /// The values as used, secrets included, in the order in which they were read.
    package let settings: [ReportedSetting]
    private let mask: SecretMask

    init(settings: [ReportedSetting], mask: SecretMask) {
        self.settings = settings
        self.mask = mask
    }

    /// The value as it may be shown.
    package func shown(_ setting: ReportedSetting) -> Value {
        setting.isSecret ? mask.hiding(setting.value) : mask.masking(setting.value)
    }

    /// One line a value: key, value and source, in columns.
    package var table: String {
        let rows =
            [("KEY", "VALUE", "SOURCE")]
            + settings.map { ($0.path.description, Self.text(shown($0)), $0.source.description) }
        // A long value moves the source of its own line, not that of every other.
        let keyWidth = rows.map { $0.0.count }.max() ?? 0
        let valueWidth = min(rows.map { $0.1.count }.max() ?? 0, 40)
        return rows.map { key, value, source in
            "\(Self.padded(key, to: keyWidth))  \(Self.padded(value, to: valueWidth))  \(source)\n"
        }.joined()
    }

    /// `{"settings": [{"key", "value", "source", "at"}]}`; `source` is default, file, environment or command line, `at` the
    /// place in it (null for a default).
    package var json: Value {
        let settings = settings.map { setting -> Value in
            let kind: String
            switch setting.source {
            case .defaultValue: kind = "default"
            case .file: kind = "file"
            case .environment: kind = "environment"
            case .commandLine: kind = "command line"
            }
            return .object([
                "key": .string(setting.path.description), "value": shown(setting), "source": .string(kind),
                "at": setting.source == .defaultValue ? .null : .string(setting.source.description),
            ])
        }
        return .object(["settings": .array(settings)])
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Text as it is, if it fits on a line and cannot be taken for something else; JSON otherwise.
    private static func text(_ value: Value) -> String {
        if case .string(let text) = value, PlainScalar.value(of: text) == value,
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        {
            return text
        }
        return value.isNull ? "-" : value.jsonText
    }
}

extension Value {
    /// JSON without spaces.
    var jsonText: String {
        var writer = JSONWriter()
        writer.write(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
