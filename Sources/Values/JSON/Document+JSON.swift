// SPDX-License-Identifier: Apache-2.0

extension Document {
    /// A document of JSON text, checked in full and decoded when somebody looks.
    ///
    /// - Throws: ``ValueError`` with the offset of the fault.
    package init(checkingJSON bytes: [UInt8]) throws(ValueError) {
        self.init(encoded: try EncodedJSON(checking: bytes))
    }

    /// One member as a document of its own, not decoded if this one is not; nil when it is absent or this is no object.
    package func document(_ key: String) -> Document? {
        if let json = encoded as? EncodedJSON {
            return json.encodedMember(key).map { Document(encoded: $0) }
        }
        return self[key].map { Document($0) }
    }

    /// The same object with one member set, or removed when the document is nil.
    ///
    /// Of JSON text all other members keep their bytes. What is no object becomes one.
    package func setting(_ key: String, to document: Document?) -> Document {
        if let json = encoded as? EncodedJSON, json.isObject {
            return Document(encoded: json.setting(key, to: document))
        }
        var object = value.objectValue ?? [:]
        object[key] = document?.value
        return Document(object: object)
    }

    /// The same object with several members set, or removed where the document is nil, in one pass; no key may be there twice.
    package func setting(_ changes: [(key: String, value: Document?)]) -> Document {
        if let json = encoded as? EncodedJSON, json.isObject { return Document(encoded: json.setting(changes)) }
        var object = value.objectValue ?? [:]
        for change in changes { object[change.key] = change.value?.value }
        return Document(object: object)
    }

    /// Whether the value is an object, without decoding it.
    package var isObject: Bool {
        if let json = encoded as? EncodedJSON { return json.isObject }
        return value.objectValue != nil
    }
}
