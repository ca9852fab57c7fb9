// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// Lists, in pages of four, so that a client that does not turn pages shows.
enum DemoPage {
    private static let size = 4

    /// The page that the parameters ask for.
    static func of(_ items: [Value], named name: String, _ params: Document) throws(JSONRPCError) -> Document {
        var start = 0
        if let cursor = params["cursor"] {
            guard let text = cursor.stringValue, text.hasPrefix("from-"), let number = Int(text.dropFirst(5)),
                number > 0, number < items.count
            else { throw .invalidParams("the cursor is none of this list; begin without one") }
            start = number
        }
        let end = min(start + size, items.count)
        var object: ValueObject = [name: .array(Array(items[start..<end]))]
        if end < items.count { object["nextCursor"] = .string("from-\(end)") }
        return Document(object: object)
    }
}
