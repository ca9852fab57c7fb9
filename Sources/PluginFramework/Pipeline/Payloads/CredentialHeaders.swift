// SPDX-License-Identifier: Apache-2.0

import Values

/// The client's headers that carry secrets, as plugins see them whose entry says `receives_credentials`.
///
/// They are put into the payload of such a plugin alone and taken out of what it sends back, so that neither the next plugin nor an
/// upstream gets what the client said to us. What a plugin sets in their place is the plugin's own, and goes on as any header does.
struct CredentialHeaders {
    private static let member = "headers"

    /// Names in lower case to values.
    let fields: ValueObject

    /// The payload with them; as it is if it has no headers.
    func added(to payload: Document) -> Document {
        guard !fields.isEmpty, var headers = payload[Self.member]?.objectValue else { return payload }
        for field in fields where headers[field.key] == nil { headers[field.key] = field.value }
        var payload = payload
        payload[Self.member] = .object(headers)
        return payload
    }

    /// What a plugin sent back without those of them that it left as they were.
    ///
    /// - Parameter hook: The hook; of some the change is the headers themselves.
    func removed(from change: Document, at hook: HookName) -> Document {
        guard !fields.isEmpty else { return change }
        if hook == .httpPreRequest {
            guard let headers = change.value.objectValue else { return change }
            return without(headers).map { Document(object: $0) } ?? change
        }
        guard let headers = change[Self.member]?.objectValue, let rest = without(headers) else { return change }
        var change = change
        change[Self.member] = .object(rest)
        return change
    }

    /// The headers that are not ours; nil if none is.
    private func without(_ headers: ValueObject) -> ValueObject? {
        var rest = headers
        for header in headers where fields[Self.lowercased(header.key)] == header.value { rest[header.key] = nil }
        return rest.count == headers.count ? nil : rest
    }

    private static func lowercased(_ name: String) -> String {
        String(decoding: name.utf8.lazy.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
