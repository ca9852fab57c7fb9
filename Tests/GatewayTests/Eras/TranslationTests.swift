// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Testing
import Values

@testable import Gateway

@Suite("Results, errors and parameters from one era to the other")
struct TranslationTests {
    /// A result, the method that it answers, and what becomes of it.
    struct Row: Sendable {
        let method: String
        let result: Value
        let expected: Value
    }

    static let toModern: [Row] = [
        Row(
            method: "tools/call", result: ["content": [], "x-new": 1],
            expected: ["content": [], "x-new": 1, "resultType": "complete"]),
        Row(
            method: "tools/call", result: ["content": [], "resultType": "input_required"],
            expected: ["content": [], "resultType": "complete"]),
        Row(
            method: "prompts/get", result: ["messages": [], "ttlMs": 5, "cacheScope": "public"],
            expected: ["messages": [], "resultType": "complete"]),
        Row(
            method: "tools/call", result: ["structuredContent": 7, "resultType": "complete"],
            expected: ["structuredContent": 7, "resultType": "complete"]),
        Row(
            method: "resources/read", result: ["contents": [], "ttlMs": "9"],
            expected: ["contents": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"]),
        Row(
            method: "resources/read",
            result: ["contents": [], "resultType": "complete", "ttlMs": 99, "cacheScope": "public"],
            expected: ["contents": [], "resultType": "complete", "ttlMs": 99, "cacheScope": "private"]),
        Row(
            method: "resources/read", result: ["contents": [], "ttlMs": -3],
            expected: ["contents": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"]),
        Row(
            method: "tools/list", result: ["tools": []],
            expected: ["tools": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"]),
        Row(
            method: "resources/templates/list", result: ["resourceTemplates": []],
            expected: ["resourceTemplates": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"]),
    ]

    @Test(
        "Towards clients of 2026-07-28 a result says its type, and where it must for how long it holds",
        arguments: toModern)
    func modern(_ row: Row) throws {
        for result in try Self.forms(of: row.result) {
            let made = ResultTranslation.modern(result, of: row.method)
            #expect(made.value == row.expected)
        }
    }

    static let toHandshake: [(method: String, result: Value, expected: Value)] = [
        ("tools/call", ["content": [], "resultType": "complete"], ["content": []]),
        (
            "resources/read",
            ["contents": [], "resultType": "complete", "ttlMs": 5, "cacheScope": "public", "_meta": [:]],
            ["contents": [], "_meta": [:]]
        ),
        (
            "tools/call", ["content": [], "structuredContent": ["a": [1]], "resultType": "complete"],
            ["content": [], "structuredContent": ["a": [1]]]
        ),
        (
            "tools/call", ["content": [["type": "text", "text": "7"]], "structuredContent": 7],
            ["content": [["type": "text", "text": "7"]]]
        ),
        (
            "tools/call", ["content": [], "structuredContent": [1, "x"]],
            ["content": [["type": "text", "text": #"[1,"x"]"#]]]
        ),
        ("tools/call", ["structuredContent": "seven"], ["content": [["type": "text", "text": "seven"]]]),
        ("tools/call", ["content": [], "structuredContent": nil], ["content": []]),
    ]

    @Test("Towards clients of earlier revisions nothing of that is left, and data is an object", arguments: toHandshake)
    func handshake(_ row: (method: String, result: Value, expected: Value)) throws {
        for result in try Self.forms(of: row.result) {
            #expect(ResultTranslation.handshake(result, of: row.method).value == row.expected)
        }
    }

    /// As a value, and in the bytes in which results come.
    private static func forms(of value: Value) throws -> [Document] {
        [Document(value), Document(encoded: try EncodedJSON(checking: Array(value.description.utf8)))]
    }

    @Test("Clients of earlier revisions are not promised data that is no object")
    func outputSchemas() {
        let schemas: [(Value?, isKept: Bool)] = [
            (["type": "object", "properties": [:]], true), (["type": "array"], false), (true, false), ([:], false),
            (["anyOf": []], false), (nil, true),
        ]
        for (schema, isKept) in schemas {
            var tool: ValueObject = ["name": "t", "inputSchema": ["type": "object"]]
            tool["outputSchema"] = schema
            let made = ResultTranslation.handshake(tool: tool)
            #expect(made["outputSchema"] == (isKept ? schema : Optional<Value>.none))
            #expect(made["inputSchema"] == ["type": "object"])
        }
    }

    @Test("Plugins see results of both eras alike")
    func neutral() throws {
        let result: Value = [
            "contents": [], "resultType": "complete", "ttlMs": 5, "cacheScope": "public", "_meta": [:],
        ]
        for form in try Self.forms(of: result) {
            let (seen, hasData) = ResultTranslation.neutral(form)
            #expect(seen.value == ["contents": [], "_meta": [:]] && !hasData)
        }
        for form in try Self.forms(of: ["structuredContent": [1], "resultType": "complete"]) {
            let (seen, hasData) = ResultTranslation.neutral(form)
            #expect(seen.value == ["structuredContent": [1]] && hasData)
        }
    }

    @Test("An unknown resource of a server of 2026-07-28 has the code that earlier clients know")
    func errors() {
        let toHandshake: [(String, Int, Value?, Int)] = [
            ("resources/read", -32_602, ["uri": "x:1"], -32_002), ("resources/read", -32_602, nil, -32_602),
            ("tools/call", -32_602, ["uri": "x:1"], -32_602), ("resources/read", -32_603, ["uri": "x:1"], -32_603),
        ]
        for (method, code, data, expected) in toHandshake {
            let error = ErrorTranslation.handshake(JSONRPCError(code: code, message: "m", data: data), of: method)
            #expect(error == JSONRPCError(code: expected, message: "m", data: data))
        }
    }

    @Test("What a client of 2026-07-28 says of itself, and its answers, are no parameters for an upstream")
    func params() throws {
        let params: Value = [
            "name": "t", "arguments": ["inputResponses": 1], "inputResponses": [:], "requestState": "s",
            "_meta": [
                "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/logLevel": "debug",
                "io.modelcontextprotocol/clientCapabilities": [:], "io.modelcontextprotocol/clientInfo": [:],
                "traceparent": "00-1", "progressToken": 3,
            ],
        ]
        let expected: Value = [
            "name": "t", "arguments": ["inputResponses": 1], "_meta": ["traceparent": "00-1", "progressToken": 3],
        ]
        for form in try Self.forms(of: params) {
            // Whether or not the envelope is one for many requests.
            for isForMany in [false, true] {
                let meta = try #require(form.document("_meta"))
                let envelope = MCPRequestEnvelope(revision: .v2026_07_28, meta: meta, isForMany: isForMany)
                #expect(RequestTranslation.upstream(form, envelope, bringsInput: true)?.value == expected)
            }
            #expect(RequestTranslation.upstream(form, nil, bringsInput: false)?.value == params)
        }
        let bare: Value = ["name": "t", "_meta": ["io.modelcontextprotocol/clientCapabilities": [:]]]
        let envelope = MCPRequestEnvelope(
            revision: .v2026_07_28, meta: Document(["io.modelcontextprotocol/clientCapabilities": [:]]))
        #expect(RequestTranslation.upstream(Document(bare), envelope, bringsInput: false)?.value == ["name": "t"])
    }

    @Test("A client is asked what it has declared, in the mode that it has declared")
    func features() {
        let url: Value = ["mode": "url", "url": "https://x"]
        let tools: Value = ["tools": []]
        let rows: [(ValueObject, String, Value?, Bool)] = [
            ([:], "elicitation/create", nil, false), (["elicitation": [:]], "elicitation/create", nil, true),
            (["elicitation": [:]], "elicitation/create", url, false),
            (["elicitation": ["form": [:]]], "elicitation/create", ["mode": "form"], true),
            (["elicitation": ["url": [:]]], "elicitation/create", url, true),
            (["elicitation": ["url": [:]]], "elicitation/create", nil, false),
            (["elicitation": true], "elicitation/create", nil, false), (["sampling": [:]], "roots/list", nil, false),
            (["sampling": [:]], "sampling/createMessage", [:], true),
            (["sampling": [:]], "sampling/createMessage", tools, false),
            (["sampling": ["tools": [:]]], "sampling/createMessage", tools, true),
            (["roots": ["listChanged": true]], "roots/list", nil, true), (["tasks": [:]], "tasks/get", nil, false),
        ]
        for (capabilities, method, params, expected) in rows {
            #expect(ClientFeatures(capabilities).canAnswer(method, params) == expected, "\(capabilities) \(method)")
        }
        let features = ClientFeatures([
            "roots": ["listChanged": true], "elicitation": [:], "tasks": [:], "extensions": ["x": [:]],
        ])
        #expect(features.modern == ["elicitation": ["form": [:]], "roots": [:]])
        #expect(ClientFeatures(["elicitation": ["url": [:]]]).modern == ["elicitation": ["url": [:]]])
        #expect(ClientFeatures(["a": [:]]).isEmpty)
        #expect(
            ClientFeatures(["roots": [:], "sampling": ["b": 1, "a": 2]]).key
                == ClientFeatures(["sampling": ["a": 2, "b": 1], "roots": [:]]).key)
    }
}
