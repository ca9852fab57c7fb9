// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Logging
package import PluginFramework
import Values

/// Writes log lines to stderr: for people, or one JSON object a line.
///
/// Stdout is for what a command was asked to print.
package struct StderrLogHandler: LogHandler {
    /// How lines look.
    package typealias Format = ProcessSettings.LogFormat

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let label: String
    private let format: Format

    /// Makes a handler.
    package init(label: String, level: Logger.Level, format: Format) {
        self.label = label
        self.format = format
        logLevel = level
    }

    /// How everything in a process that logs does so; plugins with loggers of their own included.
    package static func factory(_ process: ProcessSettings) -> @Sendable (String) -> any LogHandler {
        let level = Logger.Level(rawValue: process.logLevel.rawValue) ?? .info
        let format = process.logFormat
        return { label in StderrLogHandler(label: label, level: level, format: format) }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = line(level: event.level, message: event.message, metadata: event.metadata ?? [:])
        StandardStream.error.print(line)
    }

    /// The line for an event, without its end.
    package func line(level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata) -> String {
        let all = self.metadata.merging(metadata) { _, new in new }.sorted { $0.key.precedesInBytes($1.key) }
        switch format {
        case .text:
            var text = "\(Timestamp.now) \(level.padded) \(Self.singleLine("\(message)"))"
            for (key, value) in all { text += " \(key)=\(Self.quotedIfNeeded(Self.cut("\(value)")))" }
            return text
        case .json:
            var object: ValueObject = [
                "time": .string("\(Timestamp.now)"), "level": .string(level.rawValue), "logger": .string(label),
                "message": .string("\(message)"),
            ]
            for (key, value) in all where !object.contains(key) { object[key] = Self.value(of: value) }
            return Self.escapingUnsafe(in: Value.object(object).description)
        }
    }

    /// The longest value of one key; what plugins are given may be megabytes.
    private static let longestValue = 1_024

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > longestValue else { return text }
        return String(decoding: text.utf8.prefix(longestValue), as: UTF8.self) + "…"
    }

    /// A text must not be able to pass for a second log line, nor to move a terminal's cursor or turn its text around.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    private static func singleLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar) {
                result += scalar == "\n" ? "\\n" : "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func quotedIfNeeded(_ text: String) -> String {
        let needsQuotes = text.isEmpty || text.unicodeScalars.contains { $0.value <= 0x20 || $0 == "\"" || $0 == "=" }
        return needsQuotes ? escapingUnsafe(in: Value.string(text).description) : singleLine(text)
    }

    /// JSON leaves some of the unsafe ones as they are; in it they stand in strings only, where an escape means the same.
    private static func escapingUnsafe(in json: String) -> String {
        guard json.unicodeScalars.contains(where: isUnsafe) else { return json }
        var result = ""
        for scalar in json.unicodeScalars {
            if isUnsafe(scalar) {
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func value(of metadata: Logger.MetadataValue) -> Value {
        switch metadata {
        case .string(let text): .string(cut(text))
        case .stringConvertible(let value): .string(cut("\(value)"))
        case .array(let values): .array(values.map(value))
        case .dictionary(let values):
            .object(ValueObject(values.sorted { $0.key.precedesInBytes($1.key) }.map { ($0.key, value(of: $0.value)) }))
        }
    }
}

extension Logger.Level {
    /// The level in capitals, as wide as the widest.
    fileprivate var padded: String {
        let name = rawValue.uppercased()
        return name + String(repeating: " ", count: Swift.max(0, 8 - name.count))
    }
}

/// A moment, as RFC 3339 writes it in UTC, to the millisecond.
private struct Timestamp: CustomStringConvertible {
    let description: String

    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        let digits = { (value: Int, width: Int) in
            let text = String(value)
            return String(repeating: "0", count: Swift.max(0, width - text.utf8.count)) + text
        }
        let date = "\(parts.tm_year + 1900)-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))"
        let clock = "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))"
        return Timestamp(description: "\(date)T\(clock).\(digits(time.tv_nsec / 1_000_000, 3))Z")
    }
}
