// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Testing
import Values

/// Which arguments have headers, by a tool's schema.
@Suite struct MCPParameterHeadersTests {
    private func headers(_ schema: Value, _ arguments: Value) throws -> [String] {
        let document = try Document(checkingJSON: JSONWriter.encode(schema))
        let parameters = try MCPParameterHeaders(inputSchema: document)
        return parameters?.headers(for: Document(arguments)).map { "\($0.name): \($0.value)" } ?? []
    }

    @Test func annotatedArgumentsAreRepeatedAsTheyAre() throws {
        let schema: Value = [
            "properties": [
                "a": ["type": "string", "x-mcp-header": "A"], "b": ["type": "integer", "x-mcp-header": "B"],
                "c": ["type": "object", "properties": ["d": ["type": "boolean", "x-mcp-header": "D"]]],
                "e": ["type": "string"],
            ]
        ]
        #expect(
            try headers(schema, ["a": " ä", "b": 42, "c": ["d": true], "e": "x"])
                == ["Mcp-Param-A: =?base64?IMOk?=", "Mcp-Param-B: 42", "Mcp-Param-D: true"])
        #expect(try headers(schema, ["a": nil, "c": []]) == [])
        #expect(try headers(["properties": ["a": ["default": "x-mcp-header"]]], ["a": "b"]) == [])
    }

    @Test(
        arguments: [
            ["x-mcp-header": "A"], ["properties": ["a": ["type": "number", "x-mcp-header": "A"]]],
            ["properties": ["a": ["type": "string", "x-mcp-header": "A B"]]],
            ["properties": ["a": ["type": "string", "x-mcp-header": 7]]],
            ["items": ["properties": ["a": ["type": "string", "x-mcp-header": "A"]]]],
            [
                "properties": [
                    "a": ["type": "string", "x-mcp-header": "A"], "b": ["type": "string", "x-mcp-header": "a"],
                ]
            ],
        ] as [Value])
    func annotationsThatCannotBeFollowedAreErrors(_ schema: Value) throws {
        #expect(throws: MCPParameterHeaderError.self) { try headers(schema, [:]) }
    }
}
