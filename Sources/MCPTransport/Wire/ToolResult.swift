// SPDX-License-Identifier: Apache-2.0

import Values

/// The result of `tools/call`.
enum ToolResult {
    /// The JSON in the first text of a tool's result.
    ///
    /// - Throws: when there is none, or the tool says that it failed.
    static func json(_ result: Document) throws(WireJSONError) -> EncodedJSON {
        let content = result.document("content")?.encoded as? EncodedJSON
        let texts = content?.encodedElements.lazy.filter { $0.member("type")?.stringValue == "text" }
        guard let text = texts?.first?.member("text")?.stringValue else {
            throw WireJSONError("the tool's result has no text; the plugin server must send one")
        }
        if result["isError"]?.boolValue == true { throw WireJSONError("the tool failed: \(text.prefix(1_000))") }
        do throws(ValueError) {
            return try EncodedJSON(checking: Array(text.utf8))
        } catch {
            throw WireJSONError("the text of the tool's result is no JSON: \(error)")
        }
    }
}
