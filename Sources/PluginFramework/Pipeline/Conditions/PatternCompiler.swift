// SPDX-License-Identifier: Apache-2.0

/// Makes regular expressions for the `user_patterns` of conditions.
///
/// The pipeline knows no engine: whoever makes it passes one whose patterns mean what they mean in Python's `re`.
public struct PatternCompiler: Sendable {
    /// Whether a text contains a match; throws when that cannot be told, such as beyond a match limit.
    public typealias Search = @Sendable (_ text: String) throws -> Bool

    private let compiler: @Sendable (String) throws -> Search

    /// Makes a compiler; the error that `compile` throws becomes part of the message with which start fails.
    public init(_ compile: @escaping @Sendable (_ pattern: String) throws -> Search) {
        compiler = compile
    }

    func compile(_ pattern: String) throws -> Search { try compiler(pattern) }
}
