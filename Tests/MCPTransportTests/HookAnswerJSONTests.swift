// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import MCPTransport

/// What a plugin server answers is not to be trusted.
@Suite struct HookAnswerJSONTests {
    private func decode(_ text: String) throws -> HookAnswerJSON {
        try HookAnswerJSON(decoding: try EncodedJSON(checking: Array(text.utf8)), plugin: "p")
    }

    @Test func whatTheReferenceSendsIsUnderstood() throws {
        let answer = try decode(
            """
            {"plugin_name": "p", "result": {"continue_processing": false, "modified_payload": {"name": "t"},
             "violation": {"reason": "r", "description": "d", "code": "C", "details": {"a": [1]}, "mcp_error_code": null,
             "http_status_code": 429, "http_headers": {"Retry-After": "1"}}, "metadata": {"m": 1.5}, "http_headers": null,
             "retry_delay_ms": 7, "modified_extensions": {}},
             "context": {"state": {"s": 1}, "global_context": {"request_id": "r", "user": {"email": "e"}, "tenant_id": null,
             "server_id": "s", "state": {}, "metadata": {}}, "metadata": {}}}
            """)
        let result = try answer.outcome.get()
        #expect(!result.continueProcessing)
        #expect(result.modifiedPayload?["name"] == "t")
        #expect(result.violation?.details == ["a": [1]])
        #expect(result.violation?.httpStatusCode == 429)
        #expect(result.metadata == ["m": 1.5])
        #expect(result.retryDelayMilliseconds == 7)
        var sent = GlobalContext(requestID: "r")
        sent.userContext = ["u": 1]
        sent.contentType = "text/plain"
        let context = try #require(answer.context?.decode(keeping: sent))
        #expect(context.state == ["s": 1])
        #expect(context.global.user == ["email": "e"])
        #expect(context.global.serverID == "s")
        // What its messages have no place for stays what it was.
        #expect(context.global.userContext == ["u": 1])
        #expect(context.global.contentType == "text/plain")
    }

    @Test func anErrorCountsMoreThanAResult() throws {
        let answer = try decode(#"{"result": {}, "error": {"message": "", "code": "X"}}"#)
        guard case .failure(let error) = answer.outcome else {
            Issue.record("it passed")
            return
        }
        #expect(error.code == "X")
        #expect(!error.message.isEmpty)
    }

    @Test(arguments: [
        "[]", "{}", #"{"result": null}"#, #"{"result": "ok"}"#, #"{"result": {"continue_processing": "yes"}}"#,
        #"{"result": {"violation": {"reason": "r"}}}"#, #"{"result": {"metadata": []}}"#,
        #"{"result": {"retry_delay_ms": 1.5}}"#, #"{"result": {"http_headers": {"a": 1}}}"#,
        #"{"result": {}, "context": {"state": {}}}"#, #"{"error": "broken"}"#,
    ])
    func whatIsNoAnswerDoesNotPass(_ text: String) {
        #expect(throws: WireJSONError.self) { try decode(text) }
    }

    @Test func everyAnswerIsReadAsItWasWritten() throws {
        let context = ContextValues(
            global: GlobalContext(requestID: "r", user: "u", tenantID: "t", state: ["a": 1], metadata: ["b": [2]]),
            state: ["c": .null], metadata: ["d": "\u{0}\"\\"])
        let result = PluginResult(
            continueProcessing: false, modifiedPayload: Document(["x": 9_007_199_254_740_993]),
            violation: PluginViolation(code: "C", reason: "R", description: "D"), metadata: ["m": true],
            httpHeaders: ["h": "v"], retryDelayMilliseconds: 3)
        let text = HookAnswerJSON.text(
            PluginAnswer(plugin: "p", outcome: .success(result), context: context), plugin: "p")
        let answer = try decode(text)
        #expect(try answer.outcome.get() == result)
        #expect(answer.context?.decode() == context)
    }

    @Test func nestingThatNobodyWouldReadBecomesAnError() throws {
        var deep: Value = .null
        for _ in 0..<100 { deep = [deep] }
        let result = PluginResult(modifiedPayload: Document(["x": deep]))
        let text = HookAnswerJSON.text(PluginAnswer(plugin: "p", outcome: .success(result)), plugin: "p")
        guard case .failure(let error) = try decode(text).outcome else {
            Issue.record("it passed")
            return
        }
        #expect(error.message.contains("cannot be sent"))
    }
}
