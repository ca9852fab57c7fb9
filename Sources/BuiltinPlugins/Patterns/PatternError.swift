// SPDX-License-Identifier: Apache-2.0

/// Why a pattern, a replacement or a search was refused or given up.
package struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure this is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Wrapped: String, Sendable {
            case syntax, unsupported, template, tooLarge, tooExpensive, engine
        }

        private let wrapped: Wrapped

        /// Python's `re` would refuse this pattern too.
        package static let syntax = Code(wrapped: .syntax)
        /// Python's `re` takes this, we do not; the message says what to write instead.
        package static let unsupported = Code(wrapped: .unsupported)
        /// The replacement is not valid for its pattern.
        package static let template = Code(wrapped: .template)
        /// The pattern, or what a replacement makes of a text, is over a size limit.
        package static let tooLarge = Code(wrapped: .tooLarge)
        /// The search went over its time, step or memory limit.
        package static let tooExpensive = Code(wrapped: .tooExpensive)
        /// The engine failed in a way that has no better name.
        package static let engine = Code(wrapped: .engine)

        package var description: String { wrapped.rawValue }
    }

    /// What kind of failure this is.
    package let code: Code
    /// What is wrong, and what to do about it.
    package let message: String
    /// The pattern (or the replacement, for `.template`) as it was written.
    package let pattern: String
    /// Where in `pattern` it goes wrong, in Unicode scalars from 0; nil when it concerns the whole.
    package let offset: Int?

    package init(_ code: Code, _ message: String, pattern: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.pattern = pattern
        self.offset = offset
    }

    package var description: String {
        let subject = code == .template ? "replacement" : "pattern"
        let place = offset.map { " at position \($0)" } ?? ""
        return "\(subject) '\(Self.shortened(pattern))'\(place): \(message)"
    }

    /// A pattern can be as large as a configuration file; an error is to be read.
    private static func shortened(_ text: String) -> String {
        let limit = 200
        guard text.utf8.count > limit else { return text }
        return String(text.unicodeScalars.prefix(limit)) + "…"
    }
}
