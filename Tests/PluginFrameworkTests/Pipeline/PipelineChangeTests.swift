// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// What is taken of a changed payload.
@Suite struct PipelineChangeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let hook: HookName
        let sent: Value
        let returned: Value
        /// What goes on; nil when nothing was changed.
        let accepted: Value?
        var rejected: [String] = []
        /// The code of the error, when the answer is one.
        var error: String?
        var fields = WritableFields.standard
        var fallback = DefaultHookPolicy.allow
        var testDescription: String { "\(hook) \(fallback.rawValue): \(returned)" }
    }

    private static let tool: Value = ["name": "t", "args": ["a": 1], "headers": nil, "extra": "e"]

    static let cases: [Case] = [
        // Every hook: what may be changed is, what may not is restored.
        Case(
            hook: .toolPreInvoke, sent: tool,
            returned: ["name": "u", "args": ["b": 2], "headers": ["h": "1"], "extra": "e"],
            accepted: ["name": "u", "args": ["b": 2], "headers": ["h": "1"], "extra": "e"]),
        Case(
            hook: .toolPreInvoke, sent: tool, returned: ["name": "u", "args": ["a": 1], "extra": "other"],
            accepted: ["name": "u", "args": ["a": 1], "headers": nil, "extra": "e"], rejected: ["payload.extra"]),
        Case(
            hook: .toolPreInvoke, sent: tool, returned: ["name": "t", "args": ["a": 1], "extra": "e", "new": 1],
            accepted: nil, rejected: ["payload.new"]),
        Case(
            hook: .toolPreInvoke, sent: tool, returned: ["name": "u"],
            accepted: ["name": "u", "args": nil, "headers": nil, "extra": "e"], rejected: ["payload.extra"]),
        Case(
            hook: .toolPostInvoke, sent: ["name": "t", "result": "r"], returned: ["name": "other", "result": "s"],
            accepted: ["name": "t", "result": "s"], rejected: ["payload.name"]),
        Case(
            hook: .promptPreFetch, sent: ["prompt_id": "p", "args": ["a": "1"]],
            returned: ["prompt_id": "q", "args": ["a": "2"]], accepted: ["prompt_id": "p", "args": ["a": "2"]],
            rejected: ["payload.prompt_id"]),
        Case(
            hook: .promptPostFetch, sent: ["prompt_id": "p", "result": ["messages": []]],
            returned: ["prompt_id": "p", "result": ["messages": [1]]],
            accepted: ["prompt_id": "p", "result": ["messages": [1]]]),
        Case(
            hook: .resourcePreFetch, sent: ["uri": "u"], returned: ["uri": "v", "metadata": ["m": 1]],
            accepted: ["uri": "v", "metadata": ["m": 1]]),
        Case(
            hook: .resourcePostFetch, sent: ["uri": "u", "content": "c"], returned: ["uri": "v", "content": "d"],
            accepted: ["uri": "u", "content": "d"], rejected: ["payload.uri"]),
        Case(
            hook: .agentPreInvoke, sent: ["agent_id": "a", "messages": []],
            returned: ["agent_id": "b", "messages": [["role": "user"]], "model": "m"],
            accepted: ["agent_id": "b", "messages": [["role": "user"]], "model": "m"]),
        Case(
            hook: .agentPostInvoke, sent: ["agent_id": "a", "messages": []],
            returned: ["agent_id": "b", "messages": [["role": "user"]]],
            accepted: ["agent_id": "a", "messages": [["role": "user"]]], rejected: ["payload.agent_id"]),
        // The same again is no change, whatever the order of the members, and null is absent.
        Case(
            hook: .toolPreInvoke, sent: tool, returned: ["extra": "e", "args": ["a": 1], "name": "t"], accepted: nil),
        // Of another type.
        Case(hook: .toolPreInvoke, sent: tool, returned: "t", accepted: nil, error: "INVALID_CHANGE"),
        Case(hook: .toolPreInvoke, sent: tool, returned: ["args": [:]], accepted: nil, error: "INVALID_CHANGE"),
        Case(
            hook: .resourcePostFetch, sent: ["uri": "u", "content": "c"], returned: ["content": "d"], accepted: nil,
            error: "INVALID_CHANGE"),
        // Results of their own type.
        Case(
            hook: .httpPreRequest, sent: ["path": "/", "method": "GET", "headers": ["A": "1"]],
            returned: ["a": "2", "b": "3"], accepted: ["a": "2", "b": "3"]),
        Case(
            hook: .httpPreRequest, sent: ["path": "/", "method": "GET"], returned: ["ok": "1", "b": "x\r\nEvil: 1"],
            accepted: ["ok": "1"], rejected: ["payload.b"]),
        Case(
            hook: .httpPreRequest, sent: ["path": "/", "method": "GET"], returned: ["sp ace": "1"], accepted: nil,
            rejected: ["payload.sp ace"]),
        Case(
            hook: .httpPreRequest, sent: ["path": "/", "method": "GET"],
            returned: ["path": "/", "method": "GET", "client_port": 1], accepted: nil, error: "INVALID_CHANGE"),
        Case(
            hook: .httpAuthResolveUser, sent: ["headers": [:]], returned: ["email": "u@x"], accepted: ["email": "u@x"]),
        Case(
            hook: .httpAuthResolveUser, sent: ["headers": [:]], returned: ["u@x"], accepted: nil,
            error: "INVALID_CHANGE"),
        Case(
            hook: .httpAuthCheckPermission, sent: ["user_email": "u", "permission": "p"], returned: ["reason": "r"],
            accepted: nil, error: "INVALID_CHANGE"),
        // Hooks without a policy.
        Case(hook: "my_hook", sent: [1], returned: "anything", accepted: "anything"),
        Case(hook: "my_hook", sent: [1], returned: [1], accepted: nil),
        Case(hook: "my_hook", sent: [1], returned: [2], accepted: nil, rejected: ["payload"], fallback: .deny),
        Case(
            hook: "my_hook", sent: ["a": 1, "b": 1], returned: ["a": 2, "b": 2], accepted: ["a": 2, "b": 1],
            rejected: ["payload.b"], fields: WritableFields(["my_hook": ["a"]]), fallback: .deny),
        Case(
            hook: "my_hook", sent: ["a": 1], returned: [2], accepted: nil, error: "INVALID_CHANGE",
            fields: WritableFields(["my_hook": ["a"]])),
        Case(
            hook: .toolPreInvoke, sent: tool, returned: ["name": "u"], accepted: ["name": "u"], fields: WritableFields()
        ),
        Case(
            hook: .toolPreInvoke, sent: tool, returned: ["name": "u"], accepted: nil, rejected: ["payload"],
            fields: WritableFields(), fallback: .deny),
        Case(
            hook: .httpPreRequest, sent: ["path": "/", "method": "GET"], returned: ["a": "1"], accepted: nil,
            rejected: ["payload"], fields: WritableFields(), fallback: .deny),
        // A deny for hooks without a policy does not touch those with one.
        Case(
            hook: .httpPreRequest, sent: ["path": "/", "method": "GET"], returned: ["a": "1"], accepted: ["a": "1"],
            fallback: .deny),
    ]

    @Test(arguments: cases)
    func onlyWhatMayBeChangedIsTakenAndTheRestIsRecorded(_ example: Case) async throws {
        let plugin = Pipelines.plugin(Pipelines.entry("P", hooks: [example.hook])) { _ in
            PluginResult(modifiedPayload: Document(example.returned))
        }
        let pipeline = try Pipelines.make([plugin], writableFields: example.fields) {
            $0.defaultHookPolicy = example.fallback
        }
        var request = Pipelines.request()
        let outcome = await pipeline.run(example.hook, Document(example.sent), in: &request)
        #expect(outcome.change?.value == example.accepted)
        #expect(outcome.rejectedKeys == example.rejected)
        #expect(outcome.block?.error?.code == example.error)
        #expect(outcome.steps.first?.isChanged == (example.accepted != nil))
    }

    @Test func theNextPluginGetsWhatWasAcceptedAndNothingElse() async throws {
        let next = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", hooks: [.resourcePostFetch])) { _ in
                PluginResult(modifiedPayload: Document(["uri": "evil", "content": "masked"]))
            },
            PipelinePlugin(Pipelines.entry("Q", hooks: [.resourcePostFetch]), invoker: next),
        ])
        var request = Pipelines.request()
        _ = await pipeline.run(.resourcePostFetch, ResourceContent(uri: "u", content: "secret"), in: &request)
        #expect(next.payloads == [["uri": "u", "content": "masked"]])
    }

    @Test func headersOfSeveralPluginsAreMergedWhateverTheirCaseAndTheNextSeesThem() async throws {
        let last = Scripted { _ in PluginResult() }
        let hooks: [HookName] = [.httpPreRequest]
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", hooks: hooks)) { _ in
                PluginResult(modifiedPayload: Document(["Authorization": "one", "X-P": "p"]))
            },
            Pipelines.plugin(Pipelines.entry("Q", hooks: hooks)) { _ in
                PluginResult(modifiedPayload: Document(["authorization": "two"]))
            },
            PipelinePlugin(Pipelines.entry("R", hooks: hooks), invoker: last),
        ])
        var request = Pipelines.request()
        let head = Document(["path": "/", "method": "GET", "headers": ["AUTHORIZATION": "zero", "Accept": "a"]])
        let outcome = await pipeline.run(.httpPreRequest, head, in: &request)
        #expect(outcome.change?.value == ["authorization": "two", "X-P": "p"])
        #expect(last.payloads.first?["path"] == "/")
        #expect(last.payloads.first?["headers"] == ["authorization": "two", "X-P": "p", "Accept": "a"])
    }

    @Test func responseHeadersDoNotBecomeRequestHeaders() async throws {
        let last = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", hooks: [.httpPostRequest])) { _ in
                PluginResult(modifiedPayload: Document(["X-P": "p"]))
            },
            PipelinePlugin(Pipelines.entry("R", hooks: [.httpPostRequest]), invoker: last),
        ])
        var request = Pipelines.request()
        let exchange = Document(["path": "/", "method": "GET", "headers": [:], "response_headers": ["A": "1"]])
        _ = await pipeline.run(.httpPostRequest, exchange, in: &request)
        #expect(last.payloads.first?["headers"] == [:])
        #expect(last.payloads.first?["response_headers"] == ["A": "1", "X-P": "p"])
    }

    @Test func aPayloadThatNobodyChangedGoesOnAsItIs() async throws {
        final class Encoded: EncodedDocument {
            func decode() -> Value { ["name": "t"] }
            func member(_ key: String) -> Value? { decode()[key] }
        }
        let encoded = Encoded()
        let next = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P")) { PluginResult(modifiedPayload: $0.payload) },
            PipelinePlugin(Pipelines.entry("Q"), invoker: next),
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, Document(encoded: encoded), in: &request)
        #expect(outcome.change == nil)
        #expect(next.invocations.first?.payload.encoded === encoded)
    }

    @Test func whatIsNestedWithoutEndOrTooLargeIsRefusedFromThePluginThatMadeIt() async throws {
        var deep: Value = 1
        for _ in 0..<200 { deep = [deep] }
        for (change, code) in [
            (deep, "INVALID_CHANGE"), (.string(String(repeating: "x", count: 2_000)), "INVALID_CHANGE"),
        ] {
            let pipeline = try Pipelines.make([
                Pipelines.plugin(Pipelines.entry("P", .permissive, hooks: [.toolPostInvoke])) { _ in
                    PluginResult(modifiedPayload: ToolResult(name: "t", result: change).document)
                }
            ]) { $0.maximumPayloadSize = 1_000 }
            var request = Pipelines.request()
            let outcome = await pipeline.run(.toolPostInvoke, ToolResult(name: "t", result: 1), in: &request)
            #expect(outcome.course == ["P ignored"])
            #expect(outcome.steps.first?.error?.code == code)
            #expect(outcome.change == nil)
        }
    }
}
