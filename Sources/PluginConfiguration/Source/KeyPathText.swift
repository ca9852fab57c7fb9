// SPDX-License-Identifier: Apache-2.0

/// The place of a value in the configuration, as errors write it: `plugins[2].config.words[0].search`.
package struct KeyPathText: Sendable, Hashable, CustomStringConvertible {
    /// The place, written out; empty for the whole file.
    package let description: String

    /// The whole file.
    package static let root = KeyPathText(description: "")

    /// The member with this key.
    package func key(_ key: String) -> KeyPathText {
        KeyPathText(description: description.isEmpty ? key : "\(description).\(key)")
    }

    /// The element at this index.
    package func index(_ index: Int) -> KeyPathText {
        KeyPathText(description: "\(description)[\(index)]")
    }
}
