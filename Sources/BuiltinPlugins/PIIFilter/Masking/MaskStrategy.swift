// SPDX-License-Identifier: Apache-2.0

/// What takes the place of a value that was found.
enum MaskStrategy: String, Codable, Sendable, CaseIterable {
    /// The text of `redaction_text`.
    case redact
    /// A few characters of the value, by its type; see `PIIMasker`.
    case partial
    /// `[HASH:0123456789abcdef]`: a keyed hash, the same for the same value as long as the process lives.
    case hash
    /// `[TOKEN:01234567]`: random, the same for the same value within one call.
    case tokenize
    /// Nothing.
    case remove
}
