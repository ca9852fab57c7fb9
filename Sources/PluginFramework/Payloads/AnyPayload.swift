// SPDX-License-Identifier: Apache-2.0

public import Values

/// A payload without a type of its own: what custom hooks may use, and plugins that treat all hooks alike.
public struct AnyPayload: HookPayload, Equatable {
    /// The data.
    public var document: Document

    /// Takes any document.
    public init(document: Document) {
        self.document = document
    }

    /// Makes a payload of a value.
    public init(_ value: Value) {
        document = Document(value)
    }
}
