// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// Keeps the result of a tool in one piece after plugins changed it: what it says as text, what it says as data, and what the tool
/// promised it would say.
///
/// The fault to guard against is a plugin that removes something from the text while it stays in `structuredContent`, or the other
/// way round.
struct ResultReview: Sendable {
    /// The tool's `outputSchema`, if it has one.
    let schema: Value?

    /// The result that goes on.
    ///
    /// - Throws: when text and data cannot be brought together, or the data is not what the tool promised.
    func review(_ changed: Value, original: Value) throws(JSONRPCError) -> Value {
        guard case .object(var result) = try Self.wrapped(changed) else {
            throw Self.fault("the result is no object any more")
        }
        guard let content = result["content"]?.arrayValue, content.allSatisfy({ $0["type"]?.stringValue != nil }) else {
            throw Self.fault("content is no list of blocks any more")
        }
        let before = original["structuredContent"]
        let after = result["structuredContent"]
        if let before, !before.isNull {
            try reconcile(&result, content: content, original: original, before: before, after: after)
        }
        try check(result)
        return .object(result)
    }

    /// Plugins that know results as text give text.
    private static func wrapped(_ result: Value) throws(JSONRPCError) -> Value {
        switch result {
        case .string(let text): ["content": [["type": "text", "text": .string(text)]]]
        case .object: result
        default: throw fault("the result is \(result.kindDescription)")
        }
    }

    private func reconcile(
        _ result: inout ValueObject, content: [Value], original: Value, before: Value, after: Value?
    ) throws(JSONRPCError) {
        let old = original["content"]?.arrayValue ?? []
        let mirrors = old.indices.filter { Self.data(of: old[$0]) == before }
        let isSame = after == before
        // Blocks that were added say nothing against the data.
        let textChanged = old.indices.contains { !content.indices.contains($0) || content[$0] != old[$0] }
        switch (isSame, textChanged) {
        case (true, false):
            return
        case (true, true):
            guard let mirror = mirrors.first, content.indices.contains(mirror),
                let data = Self.data(of: content[mirror]), (data.objectValue != nil) == (before.objectValue != nil)
            else {
                // The data may still say what the text no longer does.
                guard schema == nil else {
                    throw Self.fault("the text was changed and structuredContent was not; change both")
                }
                result["structuredContent"] = nil
                return
            }
            result["structuredContent"] = data
        case (false, _):
            guard let after, !after.isNull else { return }
            var blocks = content
            for mirror in mirrors {
                guard blocks.indices.contains(mirror), Self.data(of: blocks[mirror]) != after else { continue }
                guard blocks[mirror] == old[mirror] else {
                    throw Self.fault("the text and structuredContent were changed in different ways")
                }
                guard case .object(var block) = blocks[mirror] else { continue }
                block["text"] = .string(after.description)
                blocks[mirror] = .object(block)
            }
            result["content"] = .array(blocks)
        }
    }

    /// The data that a block of text holds, if it is JSON.
    private static func data(of block: Value) -> Value? {
        guard block["type"]?.stringValue == "text", let text = block["text"]?.stringValue else { return nil }
        return try? JSONParser.decode(text.utf8)
    }

    /// A tool with an output schema keeps to it, unless it reports an error (MCP 2025-06-18, Tools).
    private func check(_ result: ValueObject) throws(JSONRPCError) {
        guard let schema, result["isError"]?.boolValue != true else { return }
        guard let data = result["structuredContent"], !data.isNull else {
            throw Self.fault("structuredContent is gone, which the tool's outputSchema asks for")
        }
        if let complaint = SchemaCheck(schema).complaint(about: data) {
            throw Self.fault("structuredContent does not keep to the tool's outputSchema: \(complaint)")
        }
    }

    private static func fault(_ what: String) -> JSONRPCError {
        .internalError("a plugin made of the tool's result what it may not be: \(what)")
    }
}
