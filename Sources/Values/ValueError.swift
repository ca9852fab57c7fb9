// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a value, or why a value is not what was asked for.
public struct ValueError: Error, Sendable, Equatable {
    /// What kind of fault it is.
    public struct Code: Sendable, Equatable, CustomStringConvertible {
        private enum Wrapped: String {
            case syntax, nesting, duplicateKey, invalidText, number, type, missing, unknownKey
        }
        private let wrapped: Wrapped

        /// The bytes do not follow the format's grammar, or end too early.
        public static let syntax = Code(wrapped: .syntax)
        /// More nesting than ``ValueLimits/maximumNesting``.
        public static let nesting = Code(wrapped: .nesting)
        /// An object names one key twice.
        public static let duplicateKey = Code(wrapped: .duplicateKey)
        /// Text that is not valid Unicode.
        public static let invalidText = Code(wrapped: .invalidText)
        /// A number that cannot be carried: not finite, or out of range.
        public static let number = Code(wrapped: .number)
        /// A value of another type than expected.
        public static let type = Code(wrapped: .type)
        /// Something required is absent.
        public static let missing = Code(wrapped: .missing)
        /// A key that nobody asked for.
        public static let unknownKey = Code(wrapped: .unknownKey)

        /// The code's name.
        public var description: String { wrapped.rawValue }
    }

    /// What kind of fault it is.
    public var code: Code
    /// What is wrong and what to do, in a sentence.
    public var message: String
    /// Where in the value: keys and indexes joined by dots ("args.items.3"); empty for the whole.
    public var path: String
    /// Where in the bytes, counted from 0, if the fault was found while decoding.
    public var offset: Int?

    /// Makes an error.
    public init(_ code: Code, _ message: String, path: String = "", offset: Int? = nil) {
        self.code = code
        self.message = message
        self.path = path
        self.offset = offset
    }
}

extension ValueError: CustomStringConvertible {
    /// The place and the message, on one line.
    public var description: String {
        switch (path.isEmpty, offset) {
        case (false, _): "\(path): \(message)"
        case (true, let offset?): "at byte \(offset): \(message)"
        case (true, nil): message
        }
    }
}
