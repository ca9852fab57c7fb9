// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Testing
import Values

@testable import Gateway

@Suite("A tool's result after plugins changed it")
struct ResultReviewTests {
    private static func result(_ text: String, _ data: Value? = nil, isError: Bool? = nil) -> Value {
        var result: ValueObject = ["content": [["type": "text", "text": .string(text)]]]
        if let data { result["structuredContent"] = data }
        if let isError { result["isError"] = .bool(isError) }
        return .object(result)
    }

    private static let schema: Value = [
        "type": "object", "properties": ["ssn": ["type": "string"], "age": ["type": "integer", "maximum": 150]],
        "required": ["ssn"],
    ]

    private func review(_ changed: Value, _ original: Value, schema: Value? = nil) throws -> Value {
        try ResultReview(schema: schema).review(changed, original: original)
    }

    @Test("What a plugin masks in the text does not stay in the data")
    func textOnly() throws {
        let original = Self.result(#"{"ssn":"123-45-6789"}"#, ["ssn": "123-45-6789"])
        #expect(
            try review(Self.result(#"{"ssn":"***"}"#, ["ssn": "123-45-6789"]), original, schema: Self.schema)
                == Self.result(#"{"ssn":"***"}"#, ["ssn": "***"]))
        // Prose does not say what the data is to be.
        let prose = Self.result("The number is 123-45-6789", ["ssn": "123-45-6789"])
        let masked = Self.result("The number is ***", ["ssn": "123-45-6789"])
        #expect(try review(masked, prose) == Self.result("The number is ***"))
        #expect(throws: JSONRPCError.self) { try review(masked, prose, schema: Self.schema) }
        #expect(throws: JSONRPCError.self) {
            try review(Self.result(#"{"ssn":***}"#, ["ssn": "123-45-6789"]), original, schema: Self.schema)
        }
    }

    @Test("What a plugin masks in the data does not stay in the text that repeats it")
    func dataOnly() throws {
        let original = Self.result(#"{"ssn": "123-45-6789"}"#, ["ssn": "123-45-6789"])
        #expect(
            try review(Self.result(#"{"ssn": "123-45-6789"}"#, ["ssn": "***"]), original, schema: Self.schema)
                == Self.result(#"{"ssn":"***"}"#, ["ssn": "***"]))
    }

    @Test("Both masked alike pass, both masked differently do not")
    func both() throws {
        let original = Self.result(#"{"ssn":"1"}"#, ["ssn": "1"])
        let alike = Self.result(#"{"ssn":"*"}"#, ["ssn": "*"])
        #expect(try review(alike, original, schema: Self.schema) == alike)
        #expect(throws: JSONRPCError.self) {
            try review(Self.result(#"{"ssn":"*"}"#, ["ssn": "#"]), original, schema: Self.schema)
        }
    }

    @Test("Data that no longer keeps to the tool's schema is an error, unless the result is one")
    func schemaKept() throws {
        let original = Self.result("x", ["ssn": "1", "age": 5])
        for data: Value? in [["age": 5], ["ssn": 1], ["ssn": "1", "age": 200], ["ssn": "1", "age": "***"], nil] {
            #expect(throws: JSONRPCError.self, "\(String(describing: data))") {
                try review(Self.result("x", data), original, schema: Self.schema)
            }
        }
        let failed = Self.result("no", nil, isError: true)
        #expect(try review(failed, original, schema: Self.schema) == failed)
    }

    @Test("A block that was added leaves the data alone")
    func addedBlock() throws {
        let original = Self.result("x", ["ssn": "1"])
        let added: Value = [
            "content": [["type": "text", "text": "x"], ["type": "text", "text": "checked"]],
            "structuredContent": ["ssn": "1"],
        ]
        #expect(try review(added, original, schema: Self.schema) == added)
    }

    @Test(
        "Text alone becomes a result; what is none is an error",
        arguments: [1, nil, [1, 2], ["content": "x"], ["content": [1]], [:]] as [Value])
    func wrongShapes(changed: Value) throws {
        let original = Self.result("x")
        #expect(try review("y", original) == Self.result("y"))
        #expect(throws: JSONRPCError.self) { try review(changed, original) }
    }
}

@Suite("Checking data against a schema")
struct SchemaCheckTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let schema: Value
        let data: Value
        let isRight: Bool
        var testDescription: String { "\(schema) \(data)" }
    }

    static let cases: [Case] = [
        .init(schema: true, data: 1, isRight: true), .init(schema: false, data: 1, isRight: false),
        .init(schema: ["type": "integer"], data: 1.0, isRight: true),
        .init(schema: ["type": "integer"], data: 1.5, isRight: false),
        .init(schema: ["type": ["string", "null"]], data: nil, isRight: true),
        .init(schema: ["enum": ["a", 1]], data: "b", isRight: false),
        .init(schema: ["const": ["a": 1]], data: ["a": 1], isRight: true),
        .init(schema: ["properties": ["a": ["type": "string"]]], data: ["a": 1], isRight: false),
        .init(schema: ["properties": ["a": true], "additionalProperties": false], data: ["b": 1], isRight: false),
        .init(
            schema: ["properties": ["a": true], "additionalProperties": ["type": "integer"]], data: ["b": 1],
            isRight: true),
        .init(schema: ["items": ["type": "string"], "minItems": 1], data: [], isRight: false),
        .init(schema: ["prefixItems": [["type": "string"]], "items": false], data: ["a", "b"], isRight: false),
        .init(schema: ["anyOf": [["type": "string"], ["type": "null"]]], data: 1, isRight: false),
        .init(schema: ["oneOf": [["type": "integer"], ["minimum": 0]]], data: 1, isRight: false),
        .init(schema: ["not": ["type": "string"]], data: "a", isRight: false),
        .init(schema: ["allOf": [["minLength": 2], ["maxLength": 3]]], data: "abcd", isRight: false),
        .init(schema: ["$ref": "#/$defs/a~1b", "$defs": ["a/b": ["type": "string"]]], data: 1, isRight: false),
        .init(schema: ["$ref": "https://evil.example/schema"], data: 1, isRight: true),
        .init(schema: ["format": "email", "unknown": 1], data: "x", isRight: true),
    ]

    @Test("Keywords mean what JSON Schema says", arguments: cases)
    func keywords(one: Case) {
        #expect((SchemaCheck(one.schema).complaint(about: one.data) == nil) == one.isRight)
    }

    @Test("A schema without end comes to one")
    func ends() {
        let twice: Value = ["anyOf": [["$ref": "#"], ["$ref": "#"]]]
        #expect(SchemaCheck(twice).complaint(about: 1) != nil)
        #expect(SchemaCheck(["$ref": "#"]).complaint(about: 1) != nil)
    }
}
