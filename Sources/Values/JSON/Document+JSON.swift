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

    /// The same object with further members behind its own, as JSON text; none of these may have the name of one of those.
    ///
    /// What is no object becomes one, and what JSON cannot say becomes null.
    package func adding(_ members: [(key: String, value: Document)]) -> Document {
        if let json = encoded as? EncodedJSON, json.isObject { return Document(encoded: json.adding(members)) }
        var writer = JSONWriter()
        // A short object, which most are, goes in without the memory growing underway.
        writer.reserveCapacity(members.reduce(256) { $0 + 16 + $1.key.utf8.count + $1.value.lengthHint })
        writer.write(value.objectValue ?? [:], adding: members)
        return Document(encoded: EncodedJSON(writer))
    }

    /// The same object without some members; of JSON text the rest keeps its bytes.
    ///
    /// - Parameter seen: called for each member of JSON text, in order, kept or not.
    package func dropping(_ keys: [String], seen: (EncodedJSON.Member) -> Void = { _ in }) -> Document {
        if let json = encoded as? EncodedJSON {
            let rest = json.dropping { member in
                seen(member)
                return keys.contains(where: member.isNamed)
            }
            return rest === json ? self : Document(encoded: rest)
        }
        let found = keys.filter { self[$0] != nil }
        return found.isEmpty ? self : setting(found.map { ($0, Optional<Document>.none) })
    }

    /// Whether it is an object with at least one member; what is no object has none.
    package var hasMembers: Bool {
        guard let json = encoded as? EncodedJSON else { return value.objectValue?.isEmpty == false }
        return json.hasMembers
    }

    /// The same value as JSON text; what JSON cannot say becomes null.
    package var asJSON: Document {
        guard !(encoded is EncodedJSON) else { return self }
        var writer = JSONWriter()
        writer.write(value)
        return Document(encoded: EncodedJSON(writer))
    }

    /// Whether it is the text of the other one; false also for the same value in other text.
    package func isUnchanged(from other: Document) -> Bool {
        guard let text = encoded, let otherText = other.encoded else { return false }
        return text === otherText
    }

    /// About how many bytes it takes as JSON, if it is that already.
    var lengthHint: Int { (encoded as? EncodedJSON)?.count ?? 64 }

    /// Whether the value is an object, without decoding it.
    package var isObject: Bool {
        if let json = encoded as? EncodedJSON { return json.isObject }
        return value.objectValue != nil
    }
}
