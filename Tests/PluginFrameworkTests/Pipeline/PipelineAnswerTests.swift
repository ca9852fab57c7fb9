// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// What the caller of a blocked call is told.
@Suite struct PipelineAnswerTests {
    private func block(_ result: @escaping @Sendable () throws -> PluginResult) async throws -> PipelineBlock {
        let pipeline = try Pipelines.make([Pipelines.plugin(Pipelines.entry("P")) { _ in try result() }])
        var request = Pipelines.request()
        return try #require(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block)
    }

    @Test func aViolationBecomesAJSONRPCErrorAsTheReferenceWordsIt() async throws {
        var violation = PluginViolation(
            code: "PII_DETECTED", reason: "found", description: "an SSN", details: ["n": 1], mcpErrorCode: -32001,
            httpStatusCode: 451, httpHeaders: ["Retry-After": "9", "Bad": "a\nb"])
        violation.pluginName = "liar"
        let sent = violation
        let block = try await block { Pipelines.block(sent) }
        #expect(
            block.jsonRPCError.value == [
                "code": -32001, "message": "Plugin Violation: an SSN",
                "data": [
                    "description": "an SSN", "details": ["n": 1], "plugin_error_code": "PII_DETECTED",
                    "plugin_name": "P",
                ],
            ])
        #expect(block.httpStatus == 451)
        #expect(block.httpHeaders == ["Retry-After": "9"])
        #expect(block.violation?.pluginName == "P")
    }

    @Test func whatAViolationLeavesOutIsLeftOut() async throws {
        let block = try await block { Pipelines.block(PluginViolation(code: "", reason: "", mcpErrorCode: 0)) }
        #expect(
            block.jsonRPCError.value == [
                "code": -32602, "message": "Plugin Violation: ", "data": ["plugin_name": "P"],
            ])
        #expect(block.httpStatus == 200)
    }

    @Test func anErrorBecomesAJSONRPCErrorThatNamesThePluginAsConfigured() async throws {
        let block = try await block {
            throw PluginError("down", pluginName: "liar", code: "UNAVAILABLE", details: ["n": 1])
        }
        #expect(
            block.jsonRPCError.value == [
                "code": -32603, "message": "Plugin Error: down",
                "data": ["details": ["n": 1], "plugin_error_code": "UNAVAILABLE", "plugin_name": "P"],
            ])
        #expect(block.httpStatus == 200)
        #expect(block.httpHeaders == [:])
        let other = try await self.block { throw PluginError("x", pluginName: "", mcpErrorCode: -1) }
        #expect(other.jsonRPCError.code == -1)
    }

    static let statuses: [(String, Int)] = [
        ("RATE_LIMIT", 429), ("INVALID_URI", 400), ("PROTOCOL_BLOCKED", 403), ("DOMAIN_BLOCKED", 403),
        ("BLOCKED_CONTENT", 403), ("BLOCKED", 403), ("CONTENT_TOO_LARGE", 413), ("CONTENT_MODERATION", 422),
        ("PII_DETECTED", 422), ("SENSITIVE_CONTENT", 422), ("PROHIBITED_CONTENT", 422), ("MODERATION_ERROR", 503),
        ("INVALID_TOKEN", 401), ("API_KEY_REVOKED", 401), ("AUTH_REQUIRED", 401), ("EXECUTION_ERROR", 500),
        ("PROCESSING_ERROR", 500), ("anything else", 200), ("rate_limit", 200), ("", 200),
    ]

    @Test(arguments: statuses)
    func aViolationsCodeStandsForAnHTTPStatus(_ code: String, _ status: Int) async throws {
        let block = try await block { Pipelines.block(PluginViolation(code: code, reason: "r")) }
        #expect(block.httpStatus == status)
        #expect(PipelineBlock.httpStatus(forCode: code) == (status == 200 ? nil : status))
    }

    @Test(arguments: [(200, 422), (302, 422), (419, 422), (599, 422), (-1, 422), (429, 429), (511, 511), (400, 400)])
    func aStatusThatIsNoErrorIsNotTaken(_ given: Int, _ status: Int) async throws {
        let block = try await block {
            Pipelines.block(PluginViolation(code: "PII_DETECTED", reason: "r", httpStatusCode: given))
        }
        #expect(block.httpStatus == status)
    }

    @Test func aBlockedPayloadCannotBeGotAt() async throws {
        let pipeline = try Pipelines.make([Pipelines.plugin(Pipelines.entry("P")) { _ in Pipelines.block() }])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(throws: PipelineBlock.self) { try outcome.payload(ToolCall(name: "t")) }
    }
}
