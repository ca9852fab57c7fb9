// SPDX-License-Identifier: Apache-2.0

public import Values

/// A resource about to be read: the payload of `resource_pre_fetch`.
///
/// A plugin may change `uri` and `metadata`.
public struct ResourceRequest: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `uri` (string, required) and `metadata` (object).
    public init(document: Document) throws(ValueError) {
        try document.requireString("uri")
        try document.checkObject("metadata")
        self.document = document
    }

    /// Makes a payload.
    public init(uri: String, metadata: ValueObject? = nil) {
        document = Document(object: ["uri": .string(uri), "metadata": metadata.map(Value.object) ?? .null])
    }

    /// The resource's URI.
    public var uri: String {
        get { document["uri"]?.stringValue ?? "" }
        set { document["uri"] = .string(newValue) }
    }

    /// What is known about the request.
    public var metadata: ValueObject? {
        get { document["metadata"]?.objectValue }
        set { document["metadata"] = newValue.map(Value.object) ?? .null }
    }
}

/// What a resource holds: the payload of `resource_post_fetch`.
///
/// A plugin may change `content`.
public struct ResourceContent: HookPayload, Equatable {
    /// The data.
    public private(set) var document: Document

    /// Checks `uri` (string, required); `content` may be anything, and absent counts as null.
    public init(document: Document) throws(ValueError) {
        try document.requireString("uri")
        self.document = document
    }

    /// Makes a payload.
    public init(uri: String, content: Value) {
        document = Document(object: ["uri": .string(uri), "content": content])
    }

    /// The resource's URI.
    public var uri: String { document["uri"]?.stringValue ?? "" }

    /// The content: text or an object; binary content is base64 text in `blob`.
    public var content: Value {
        get { document["content"] ?? .null }
        set { document["content"] = newValue }
    }
}
