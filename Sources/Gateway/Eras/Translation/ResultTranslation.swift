// SPDX-License-Identifier: Apache-2.0

import Values

/// What results look like in one era of MCP, and how those of the other become so.
///
/// Since revision 2026-07-28 each result says of what type it is, and some for how long they hold. Before, no result did. What is
/// not mentioned here is the same in both.
enum ResultTranslation {
    /// What results say about themselves since 2026-07-28, and did not before.
    private static let modernMembers = ["resultType", "ttlMs", "cacheScope"]

    /// The methods whose results say for how long they hold (MCP 2026-07-28, Caching).
    static func isCacheable(_ method: String) -> Bool {
        switch method {
        case GatewayMethod.readResource, GatewayMethod.discover: true
        default: ListKind.allCases.contains { $0.method.hasSameBytes(as: method) }
        }
    }

    /// A result without what it says about itself: what plugins see, whichever era its server and the client speak.
    ///
    /// - Returns: besides, whether it has `structuredContent`, of which the earlier revisions know objects alone.
    static func neutral(_ result: Document) -> (result: Document, hasData: Bool) {
        guard result.encoded is EncodedJSON else {
            return (result.dropping(modernMembers), result["structuredContent"] != nil)
        }
        var hasData = false
        let rest = result.dropping(modernMembers) { member in
            if member.isNamed("structuredContent") { hasData = true }
        }
        return (rest, hasData)
    }

    /// A whole result as clients of 2026-07-28 get it.
    ///
    /// It is said to be for the client alone: what plugins and scopes make of it may differ for the next. How long it holds is
    /// what its server has said, if it is one that can say so; else it is to be asked for again, because nobody knows.
    static func modern(_ result: Document, of method: String) -> Document {
        let rest = neutral(result).result
        guard isCacheable(method) else { return rest.adding([("resultType", complete)]) }
        let time = max(0, result["ttlMs"]?.intValue ?? 0)
        return rest.adding([
            ("resultType", complete), ("ttlMs", Document(.int(time))), ("cacheScope", Document("private")),
        ])
    }

    private static let complete = Document("complete").asJSON

    /// A whole result of a server that speaks 2026-07-28, as clients of the earlier revisions get it.
    ///
    /// There `structuredContent` is an object (MCP 2025-06-18, Tools). Other data is left out; the text says it as well, and if
    /// there is none, it does from now on.
    static func handshake(_ result: Document, of method: String) -> Document {
        let result = result.dropping(modernMembers)
        guard method.hasSameBytes(as: GatewayMethod.callTool), let data = result["structuredContent"],
            data.objectValue == nil
        else { return result }
        let plain = result.setting("structuredContent", to: nil)
        guard !data.isNull, plain["content"]?.arrayValue?.isEmpty ?? true else { return plain }
        return plain.setting(
            "content", to: Document([["type": "text", "text": .string(data.stringValue ?? data.description)]]))
    }

    /// An element of `tools/list` as clients of the earlier revisions know tools: what a schema of results describes is an object.
    ///
    /// Without that, clients would look for data that results no longer have.
    static func handshake(tool: ValueObject) -> ValueObject {
        guard let schema = tool["outputSchema"], schema["type"]?.stringValue != "object" else { return tool }
        var tool = tool
        tool["outputSchema"] = nil
        return tool
    }
}

extension Document {
    /// Whether a server that speaks 2026-07-28 says with it that it needs input first.
    var needsInput: Bool { self["resultType"]?.stringValue?.hasSameBytes(as: "input_required") ?? false }
}
