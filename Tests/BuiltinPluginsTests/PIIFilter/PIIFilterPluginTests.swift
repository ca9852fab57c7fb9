// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import Testing
import Values

@testable import BuiltinPlugins

struct PIIFilterPluginTests {
    private let text = "mail x@example.com"

    private func args(_ args: ValueObject, _ config: Value = [:]) async throws -> Verdict<ToolCall> {
        try await makePlugin(PIIFilterPlugin.self, config)
            .toolPreInvoke(ToolCall(name: "t", args: args), context: makeContext())
    }

    /// What an argument becomes; nil when the call passes unchanged.
    private func masked(_ text: String, _ config: Value = [:], key: String = "note") async throws -> String? {
        try await args([key: .string(text)], config).change?.args?[key]?.stringValue
    }

    @Test func isKnownByContextForgesNames() {
        #expect(PIIFilterPlugin.kindAliases.contains("plugins.pii_filter.pii_filter.PIIFilterPlugin"))
        #expect(PIIFilterPlugin.kindAliases.contains("cpex_pii_filter.PIIFilterPlugin"))
    }

    @Test func masksNestedStringsAndLeavesKeysAndTheRest() async throws {
        let verdict = try await args([
            "a": ["b": ["123-45-6789", ["x@example.com": "x@example.com"], 1, true, nil]],
            "n": 4_111_111_111_111_111, "d": 1.5, "ssn": "123456789", "note": "123456789",
            "j": #"{"ssn":"123-45-6789"}"#,
        ])
        let expected: Value = [
            "a": ["b": ["[REDACTED]", ["x@example.com": "[REDACTED]"], 1, true, nil]],
            "n": "[REDACTED]", "d": 1.5, "ssn": "[REDACTED]", "note": "123456789",
            "j": #"{"ssn":"[REDACTED]"}"#,
        ]
        #expect(verdict.change?.document["args"] == expected)
        #expect(verdict.change?.args?.keys == ["a", "n", "d", "ssn", "note", "j"])
        #expect(verdict.change?.name == "t")
        #expect(verdict.violation == nil)
    }

    @Test func numberThatIsPersonalDataBecomesTheMaskedText() async throws {
        let verdict = try await args([
            "ssn": 123_456_789, "card": 4_111_111_111_111_111, "user_ssn": 12_345_678, "d": 4_111_111_111_111_111.0,
            "id": 5_551_234_567, "time": 1_700_000_000_000, "bad": 4_111_111_111_111_112, "n": -123_456_789,
        ])
        #expect(
            verdict.change?.args == [
                "ssn": "[REDACTED]", "card": "[REDACTED]", "user_ssn": "[REDACTED]", "d": "[REDACTED]",
                "id": 5_551_234_567, "time": 1_700_000_000_000, "bad": 4_111_111_111_111_112, "n": -123_456_789,
            ])
    }

    @Test(
        arguments: [
            (["ssn": 123_456_789], "args.ssn"), (["a": [4_111_111_111_111_111]], "args.a[0]"),
            (["a": ["x@example.com": 1]], "args.a.(key)"),
        ] as [(ValueObject, String)])
    func numberOrKeyThatIsPersonalDataBlocks(args: ValueObject, place: String) async throws {
        let verdict = try await self.args(args, ["block_on_detection": true])
        #expect(verdict.violation?.details["fields"] == [.string(place)])
        #expect(verdict.change == nil)
    }

    @Test func keyThatIsPersonalDataIsReportedButNotShown() async throws {
        let context = makeContext()
        let plugin = try makePlugin(PIIFilterPlugin.self)
        let verdict = try await plugin.toolPreInvoke(
            ToolCall(name: "t", args: ["x@example.com": ["note": "y"]]), context: context)
        #expect(verdict.change == nil && verdict.violation == nil)
        #expect(verdict.metadata["pii_filter"]?["total_detections"] == 1)
        #expect(verdict.metadata["pii_filter"]?["total_masked"] == 0)
        let both = try await plugin.toolPreInvoke(
            ToolCall(name: "t", args: ["x@example.com": ["note": "123-45-6789"]]), context: context)
        #expect(both.change?.args == ["x@example.com": ["note": "[REDACTED]"]])
        #expect(!"\(context.values) \(both.metadata)".contains("x@example.com"))
    }

    @Test func unchangedPayloadIsNoChange() async throws {
        let verdict = try await args(["a": "nothing here", "b": [1, nil, ["c": "at all"]]])
        #expect(verdict.change == nil && verdict.violation == nil && verdict.metadata.isEmpty)
        let plugin = try makePlugin(PIIFilterPlugin.self)
        #expect(try await plugin.toolPreInvoke(ToolCall(name: "t"), context: makeContext()).change == nil)
    }

    @Test func masksPromptArguments() async throws {
        let plugin = try makePlugin(PIIFilterPlugin.self)
        let verdict = try await plugin.promptPreFetch(
            PromptRequest(promptID: "p", args: ["q": "ssn 123-45-6789 and x@example.com"]), context: makeContext())
        #expect(verdict.change?.args == ["q": "ssn [REDACTED] and [REDACTED]"])
        #expect(verdict.change?.promptID == "p")
    }

    @Test func masksPromptMessages() async throws {
        let plugin = try makePlugin(PIIFilterPlugin.self)
        let result: ValueObject = [
            "messages": [
                ["role": "user", "content": ["type": "text", "text": "x@example.com"]],
                ["role": "assistant", "content": ["type": "image", "data": "AAAA", "mimeType": "image/png"]],
            ],
            "description": "for x@example.com",
        ]
        let verdict = try await plugin.promptPostFetch(
            PromptResponse(promptID: "p", result: result), context: makeContext())
        #expect(verdict.change?.messages.first?["content"]?["text"] == "[REDACTED]")
        #expect(verdict.change?.messages.last == result["messages"]?.arrayValue?.last)
        #expect(verdict.change?.result["description"] == "for [REDACTED]")
    }

    @Test(
        arguments: [
            ("x@example.com", "[REDACTED]"),
            (
                ["content": [["type": "text", "text": "x@example.com"]], "isError": false],
                ["content": [["type": "text", "text": "[REDACTED]"]], "isError": false]
            ),
            (
                ["structuredContent": ["rows": [["mail": "x@example.com"]]]],
                ["structuredContent": ["rows": [["mail": "[REDACTED]"]]]]
            ),
            (["x@example.com", 1], ["[REDACTED]", 1]),
        ] as [(Value, Value)])
    func masksToolResults(result: Value, expected: Value) async throws {
        let plugin = try makePlugin(PIIFilterPlugin.self)
        let verdict = try await plugin.toolPostInvoke(
            ToolResult(name: "t", result: result), context: makeContext())
        #expect(verdict.change?.result == expected)
    }

    @Test func blocksWithTypesAndCountsButNeverTheValue() async throws {
        let plugin = try makePlugin(PIIFilterPlugin.self, ["block_on_detection": true])
        let secret = "123-45-6789"
        let context = makeContext()
        let pre = try await plugin.promptPreFetch(
            PromptRequest(promptID: "p", args: ["q": .string("\(secret) x@example.com")]), context: context)
        #expect(pre.change == nil)
        #expect(pre.violation?.code == "PII_DETECTED")
        #expect(pre.violation?.details["detected_types"] == ["email", "ssn"])
        #expect(pre.violation?.details["count"] == 2)
        #expect(pre.violation?.details["fields"] == ["args.q"])
        #expect(pre.violation.map { "\($0)".contains(secret) } == false)
        #expect("\(context.values)".contains(secret) == false)

        let post = try await plugin.promptPostFetch(
            PromptResponse(promptID: "p", result: ["messages": [["content": ["text": .string(secret)]]]]),
            context: context)
        #expect(post.violation?.code == "PII_DETECTED_IN_PROMPT_RESULT")
        let call = try await plugin.toolPreInvoke(
            ToolCall(name: "t", args: ["a": [["b": .string(secret)]]]), context: context)
        #expect(call.violation?.code == "PII_DETECTED_IN_TOOL_ARGS")
        #expect(call.violation?.details["fields"] == ["args.a[0].b"])
        let result = try await plugin.toolPostInvoke(
            ToolResult(name: "t", result: .string(secret)), context: context)
        #expect(result.violation?.code == "PII_DETECTED_IN_TOOL_RESULT")
    }

    @Test func detailsGoToTheMetadataOnlyWhenWanted() async throws {
        let context = makeContext()
        let plugin = try makePlugin(PIIFilterPlugin.self)
        let verdict = try await plugin.toolPreInvoke(
            ToolCall(name: "t", args: ["a": "x@example.com, y@example.com"]), context: context)
        #expect(
            verdict.metadata["pii_filter"] == [
                "total_detections": 2, "total_masked": 2, "detection_types": ["email"], "stage": "tool_pre_invoke",
            ])
        #expect(
            context.metadata["pii_detections"]?["tool_pre_invoke"] == [
                "detected": true, "fields": ["args.a"], "types": ["email"], "total_count": 2,
            ])

        let quiet = try makePlugin(
            PIIFilterPlugin.self, ["include_detection_details": false, "block_on_detection": true])
        let silent = makeContext()
        let blocked = try await quiet.toolPreInvoke(ToolCall(name: "t", args: ["a": "x@example.com"]), context: silent)
        #expect(blocked.violation?.details.isEmpty == true)
        #expect(blocked.metadata.isEmpty && silent.changes == nil)
    }

    @Test(arguments: [true, false]) func logsTypesAndCountsOnlyWhenWanted(isWanted: Bool) async throws {
        let lines = LogLines()
        var settings = PIIFilterSettings()
        settings.logDetections = isWanted
        let plugin = try PIIFilterPlugin(
            settings: settings, logger: Logger(label: "test") { _ in CollectingLogHandler(lines: lines) })
        _ = try await plugin.toolPreInvoke(
            ToolCall(name: "t", args: ["a": "123-45-6789 x@example.com", "b": "y@example.com"]), context: makeContext())
        #expect(lines.all == (isWanted ? ["personal data in tool arguments masked: email 2, ssn 1"] : []))
    }

    static let detectors: [(String, String)] = [
        ("detect_ssn", "123-45-6789"), ("detect_bsn", "BSN 123456782"), ("detect_credit_card", "4111111111111111"),
        ("detect_email", "x@example.com"), ("detect_phone", "(555) 123-4567"), ("detect_ip_address", "10.1.2.3"),
        ("detect_date_of_birth", "01/15/1990"), ("detect_passport", "passport AB123456"),
        ("detect_driver_license", "DL D1234567"), ("detect_bank_account", "account 123456789012"),
        ("detect_medical_record", "MRN AB123456"), ("detect_aws_keys", "AKIAIOSFODNN7EXAMPLE"),
        ("detect_api_keys", "api_key: abcdefghijklmnopqrstuvwxyz"),
    ]

    @Test(arguments: detectors)
    func eachDetectorCanBeSwitchedOff(key: String, text: String) async throws {
        #expect(try await masked(text)?.hasSuffix("[REDACTED]") == true)
        #expect(try await masked(text, .object([key: false])) == nil)
        let others = Self.detectors.filter { $0.0 != key }.map { ($0.0, Value.bool(false)) }
        #expect(try await masked(text, .object(ValueObject(others)))?.hasSuffix("[REDACTED]") == true)
    }

    @Test func strategyAndRedactionTextAreUsed() async throws {
        #expect(try await masked(text, ["redaction_text": "<pii>"]) == "mail <pii>")
        #expect(try await masked(text, ["default_mask_strategy": "remove"]) == "mail ")
        #expect(
            try await masked("mail john@example.com", ["default_mask_strategy": "partial"]) == "mail j***n@example.com")
        #expect(try await masked(text, ["default_mask_strategy": "hash"])?.hasPrefix("mail [HASH:") == true)
        #expect(try await masked(text, ["default_mask_strategy": "tokenize"])?.hasPrefix("mail [TOKEN:") == true)
    }

    @Test func tokensAreTheSameInAllFieldsOfACall() async throws {
        let verdict = try await args(
            ["a": "x@example.com", "b": "x@example.com"], ["default_mask_strategy": "tokenize"])
        let args = try #require(verdict.change?.args)
        #expect(args["a"] == args["b"])
        #expect(args["a"] != "x@example.com")
    }

    @Test func customPatternsHaveTheirOwnTypeStrategyAndSwitch() async throws {
        func config(_ custom: Value) -> Value { ["custom_patterns": [custom]] }
        let pattern: ValueObject = ["pattern": #"\bEMP\d{6}\b"#, "description": "Employee ID"]
        #expect(try await masked("id emp123456", config(.object(pattern))) == "id [REDACTED]")
        var removed = pattern
        removed["mask_strategy"] = "remove"
        #expect(try await masked("id EMP123456", config(.object(removed))) == "id ")
        removed["mask_strategy"] = .null
        #expect(try await masked("id EMP123456", config(.object(removed))) == "id [REDACTED]")
        var off = pattern
        off["enabled"] = false
        #expect(try await masked("id EMP123456", config(.object(off))) == nil)
        var inherited: ValueObject = ["default_mask_strategy": "remove", "custom_patterns": [.object(pattern)]]
        #expect(try await masked("id EMP123456", .object(inherited)) == "id ")
        var typed = pattern
        typed["type"] = "medical_record"
        inherited = ["custom_patterns": [.object(typed)]]
        let verdict = try await args(["a": "EMP123456"], .object(inherited))
        #expect(verdict.metadata["pii_filter"]?["detection_types"] == ["medical_record"])
    }

    @Test func whitelistedValuesStay() async throws {
        let config: Value = ["whitelist_patterns": ["TEST@example\\.com", "^555-"]]
        #expect(try await masked("test@example.com", config) == nil)
        #expect(try await masked("test@example.com other@example.com", config) == "test@example.com [REDACTED]")
        #expect(try await masked("555-123-4567", config) == nil)
    }

    @Test(
        arguments: [
            ("max_text_bytes", 10, ["a": "0123456789x"]), ("max_nested_depth", 2, ["a": [["x"]]]),
            ("max_collection_items", 2, ["a": ["x", "y", "z"]]),
        ] as [(String, Int64, ValueObject)])
    func limitsAreErrorsThatNameThePlace(key: String, limit: Int64, args: ValueObject) async throws {
        await #expect {
            _ = try await self.args(args, .object([key: .int(limit)]))
        } throws: { "\($0)".contains("args.a") && "\($0)".contains("\(limit)") && "\($0)".contains("raise") }
        #expect(try await self.args(args).change == nil)
    }

    @Test(
        arguments: [
            (["detect_sssn": true], "did you mean"), (["detect_ssn": "yes"], "detect_ssn"),
            (["default_mask_strategy": "blur"], "default_mask_strategy: unknown strategy 'blur'"),
            (["custom_patterns": [["pattern": "a("]]], "custom_patterns.0.pattern: pattern 'a(' at position 1"),
            (["custom_patterns": [["description": "x"]]], "custom_patterns.0.pattern: is required"),
            (["custom_patterns": [["pattern": "a", "type": "iban"]]], "custom_patterns.0.type: unknown type 'iban'"),
            (["custom_patterns": [["pattern": "a", "mask_strategy": "x"]]], "custom_patterns.0.mask_strategy"),
            (
                ["custom_patterns": [["pattern": "a", "enabled": false], ["pattern": "[", "enabled": false]]],
                "custom_patterns.1.pattern"
            ),
            (["whitelist_patterns": ["ok", "*"]], "whitelist_patterns.1"), (["max_text_bytes": 0], "max_text_bytes"),
            (["max_nested_depth": -1], "max_nested_depth"), (["max_collection_items": 0], "max_collection_items"),
        ] as [(Value, String)])
    func badSettingIsAnErrorThatNamesTheKey(config: Value, expected: String) throws {
        let error = try #require(settingsError(PIIFilterPlugin.self, config))
        #expect(error.contains(expected), "\(error)")
    }

    @Test(.timeLimit(.minutes(1))) func hostileCustomPatternEndsTheCallNotTheServer() async throws {
        let config: Value = ["custom_patterns": [["pattern": "(a+)+$"]]]
        await #expect(throws: PatternError.self) {
            _ = try await self.args(["a": .string(String(repeating: "a", count: 60) + "!")], config)
        }
    }
}
