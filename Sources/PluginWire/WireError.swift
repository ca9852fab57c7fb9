// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a message of the plugin contract, or why a value cannot be sent as one.
package struct WireError: Error, Sendable, Equatable {
    /// What kind of fault it is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Wrapped: String { case truncated, malformed, invalidText, number, nesting, type, missing }
        private let wrapped: Wrapped

        /// The bytes end inside a field, or a length reaches beyond them.
        package static let truncated = Code(wrapped: .truncated)
        /// The bytes are not the encoding of any message: a bad tag, an endless varint, a group without its end.
        package static let malformed = Code(wrapped: .malformed)
        /// A string that is not UTF-8.
        package static let invalidText = Code(wrapped: .invalidText)
        /// A number that google.protobuf.Value must not hold: an infinity or NaN.
        package static let number = Code(wrapped: .number)
        /// More nesting than the contract's decoders follow.
        package static let nesting = Code(wrapped: .nesting)
        /// A value of another type than the field takes.
        package static let type = Code(wrapped: .type)
        /// Something that the contract requires is absent.
        package static let missing = Code(wrapped: .missing)

        /// The code's name.
        package var description: String { wrapped.rawValue }
    }

    /// What kind of fault it is.
    package var code: Code
    /// What is wrong and what to do, in a sentence.
    package var message: String
    /// Where in the message: names of fields, keys and indexes, the outermost first.
    package var path: [String]
    /// Where in the bytes, counted from 0, when the fault was found while decoding.
    package var offset: Int?

    /// Makes an error.
    package init(_ code: Code, _ message: String, path: [String] = [], offset: Int? = nil) {
        self.code = code
        self.message = message
        self.path = path
        self.offset = offset
    }

    /// The same error, found inside this field, key or index.
    package func inside(_ name: String) -> WireError {
        var error = self
        error.path.insert(name, at: 0)
        return error
    }
}

extension WireError: CustomStringConvertible {
    /// How many names of a path are shown; a hostile message must not decide how long its error is.
    private static let shownNames = 8
    /// How many characters of one name are shown.
    private static let shownCharacters = 48

    /// The place and the message, on one line, at most about 600 bytes.
    package var description: String {
        var place = path.prefix(Self.shownNames).map(Self.shown).joined(separator: ".")
        if path.count > Self.shownNames { place += "…" }
        if let offset { place += place.isEmpty ? "at byte \(offset)" : " (at byte \(offset))" }
        return place.isEmpty ? message : "\(place): \(message)"
    }

    private static func shown(_ name: String) -> String {
        let scalars = name.unicodeScalars
        var text = String.UnicodeScalarView()
        for scalar in scalars.prefix(shownCharacters) {
            text.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        if scalars.dropFirst(shownCharacters).isEmpty { return String(text) }
        return String(text) + "…"
    }
}
