// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// A type of setting: how its text is read, and what to say when it cannot be.
struct SettingKind<Setting: Sendable>: Sendable {
    /// What it is, as errors name it: "a port number".
    let noun: String
    /// What to write: "give a whole number from 0 to 65535".
    let advice: String
    /// All that may be written, if it is a choice.
    var choices: [String] = []
    /// Whether the file may give a list, whose elements are then joined by commas.
    var takesList = false
    /// Nil for text that is none.
    let parse: @Sendable (String) -> Setting?
    /// As reports show it.
    let show: @Sendable (Setting) -> Value

    /// What is wrong with this text, and what to do.
    ///
    /// Secret text is not repeated.
    func fault(_ text: String, isSecret: Bool) -> String {
        let shown = isSecret ? "the given value" : "\"\(text.prefix(100))\""
        let suggestion = text.closestMatch(among: choices).map { "did you mean \"\($0)\"? " } ?? ""
        return "\(shown) is not \(noun); \(suggestion)\(advice)"
    }
}

extension SettingKind where Setting == String {
    /// Any text; an empty one has to be quoted.
    static let text = SettingKind(noun: "text", advice: "give some text", parse: { $0 }, show: { .string($0) })

    /// Text that is not empty.
    static let name = SettingKind(
        noun: "a name", advice: "give text that is not empty",
        parse: { $0.contains { !$0.isWhitespace } ? $0 : nil }, show: { .string($0) })
}

extension SettingKind where Setting == Bool {
    /// A truth value, as pydantic reads it from text.
    static let bool = SettingKind(
        noun: "a truth value", advice: "give true or false",
        parse: {
            switch $0.lowercased() {
            case "true", "yes", "on", "1", "t", "y": true
            case "false", "no", "off", "0", "f", "n": false
            default: nil
            }
        }, show: { .bool($0) })
}

extension SettingKind where Setting == Int {
    /// A whole number within bounds.
    static func integer(_ noun: String = "a whole number", in range: ClosedRange<Int>) -> SettingKind {
        SettingKind(
            noun: noun, advice: "give a whole number from \(range.lowerBound) to \(range.upperBound)",
            parse: { text in
                guard let value = PlainScalar.value(of: text).intValue else { return nil }
                return Int(exactly: value).flatMap { range.contains($0) ? $0 : nil }
            },
            show: { .int(Int64($0)) })
    }

    /// 0 to 65535.
    static let port = integer("a port number", in: 0...65_535)

    /// A number of bytes within bounds, with or without a unit: `16777216`, `16 MiB`.
    static func bytes(in range: ClosedRange<Int>) -> SettingKind {
        SettingKind(
            noun: "a size",
            advice: "give a number of bytes from \(range.lowerBound) to \(range.upperBound), or one like 16 MiB",
            parse: { text in
                var number = text[...]
                var factor = 1
                for (unit, size) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)] where number.hasSuffix(unit)
                {
                    number = number.dropLast(unit.count)
                    factor = size
                }
                let digits = String(number.filter { $0 != " " })
                guard let count = PlainScalar.value(of: digits).intValue else { return nil }
                let (bytes, overflow) = Int(count).multipliedReportingOverflow(by: factor)
                return !overflow && range.contains(bytes) ? bytes : nil
            },
            show: { .int(Int64($0)) })
    }
}

extension SettingKind where Setting == Duration {
    /// A year; longer times are mistakes of unit, and overflow timers.
    fileprivate static var longest: Double { 31_536_000 }

    /// A number of seconds above 0.
    static let seconds = SettingKind(
        noun: "a time", advice: "give a number of seconds above 0 and up to \(Int(longest))",
        parse: { text in
            guard let value = PlainScalar.value(of: text).doubleValue, value > 0, value <= longest else { return nil }
            let duration = Duration.seconds(value)
            return duration > .zero ? duration : nil
        },
        show: { $0.shownSeconds })
}

extension SettingKind where Setting == Duration? {
    /// A number of seconds, 0 for never (nil).
    static let secondsOrNever = SettingKind(
        noun: "a time", advice: "give a number of seconds up to 31536000, or 0 for never",
        parse: { text in
            if PlainScalar.value(of: text).doubleValue == 0 { return .some(nil) }
            return SettingKind<Duration>.seconds.parse(text).map { .some($0) }
        },
        show: { $0?.shownSeconds ?? .int(0) })
}

extension SettingKind where Setting == UInt32 {
    /// Permission bits, always octal: `0600`, `600` and `0o600` are the same.
    static let fileMode = SettingKind(
        noun: "a file mode", advice: "give three octal digits, such as 0660",
        parse: { text in
            let digits = text.hasPrefix("0o") ? String(text.dropFirst(2)) : text
            guard digits.utf8.count >= 3, let mode = UInt32(digits, radix: 8), mode <= 0o777, !digits.hasPrefix("+")
            else {
                return nil
            }
            return mode
        },
        show: { mode in
            let digits = String(mode, radix: 8)
            return .string("0" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits)
        })
}

extension SettingKind where Setting: RawRepresentable & CaseIterable, Setting.RawValue == String {
    /// One of an enumeration's names.
    ///
    /// - Parameters:
    ///   - aliases: Further names.
    ///   - ignoresCase: Whether upper case will do as well.
    static func choice(
        _ noun: String, aliases: [String: Setting] = [:], ignoresCase: Bool = false
    ) -> SettingKind {
        let names = Setting.allCases.map(\.rawValue)
        return SettingKind(
            noun: noun, advice: "give \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")",
            choices: names,
            parse: { text in
                let text = ignoresCase ? text.lowercased() : text
                return aliases[text] ?? Setting(rawValue: text)
            },
            show: { .string($0.rawValue) })
    }
}

extension Duration {
    /// The seconds, without a fraction if there is none.
    fileprivate var shownSeconds: Value {
        components.attoseconds == 0 ? .int(components.seconds) : .double(inSeconds)
    }
}
