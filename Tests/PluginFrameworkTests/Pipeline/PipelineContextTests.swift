// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@Suite struct PipelineContextTests {
    private static let hooks: [HookName] = [.toolPreInvoke, .toolPostInvoke]

    @Test func whatAPluginKeepsSurvivesFromPreToPostHookAndIsSeenByNobodyElse() async throws {
        let other = Scripted { _ in PluginResult() }
        let keeper = Scripted { invocation in
            if invocation.hook == .toolPreInvoke {
                invocation.context.state = ["started": 1]
                invocation.context.metadata = ["noted": 2]
            }
            return PluginResult()
        }
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("keeper", hooks: Self.hooks), invoker: keeper),
            PipelinePlugin(Pipelines.entry("other", hooks: Self.hooks), invoker: other),
        ])
        var request = Pipelines.request()
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        _ = await pipeline.run(.toolPostInvoke, ToolResult(name: "t", result: 1), in: &request)
        #expect(keeper.invocations.map(\.context.state) == [["started": 1], ["started": 1]])
        #expect(keeper.invocations.last?.context.metadata == ["noted": 2])
        #expect(other.invocations.map(\.context.state) == [[:], [:]])
        #expect(other.invocations.map(\.context.metadata) == [[:], [:]])
    }

    @Test func anotherRequestSeesNothingOfIt() async throws {
        let keeper = Scripted { invocation in
            let seen = invocation.context.state
            invocation.context.state = ["secret": .string(invocation.context.global.requestID)]
            return PluginResult(metadata: ["seen": .object(seen)])
        }
        let pipeline = try Pipelines.make([PipelinePlugin(Pipelines.entry("keeper"), invoker: keeper)])
        var one = Pipelines.request("1")
        var two = Pipelines.request("2")
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &one)
        #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &two).metadata == ["seen": [:]])
        // The same value used for another request by mistake.
        one.global = GlobalContext(requestID: "3")
        #expect(one.state(of: "keeper") == nil)
        #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &one).metadata == ["seen": [:]])
        #expect(one.state(of: "keeper") == ["secret": "3"])
    }

    @Test func emptiedStateStaysEmpty() async throws {
        let keeper = Scripted { invocation in
            invocation.context.state = invocation.hook == .toolPreInvoke ? ["a": 1] : [:]
            return PluginResult()
        }
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("keeper", hooks: Self.hooks), invoker: keeper)
        ])
        var request = Pipelines.request()
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(request.state(of: "keeper") == ["a": 1])
        _ = await pipeline.run(.toolPostInvoke, ToolResult(name: "t", result: 1), in: &request)
        #expect(request.state(of: "keeper") == [:])
    }

    @Test func globalStateReachesLaterPluginsOnlyFromThoseThatEnforce() async throws {
        let witness = Scripted { _ in PluginResult() }
        func writer(_ name: String, _ mode: PluginMode) -> PipelinePlugin {
            Pipelines.plugin(Pipelines.entry(name, mode)) { invocation in
                invocation.context.update { values in
                    values.global.state["by \(name)"] = true
                    values.global.metadata["by \(name)"] = true
                    values.global.user = "somebody else"
                    values.global.requestID = "another"
                    values.global.tenantID = "another"
                }
                return PluginResult()
            }
        }
        let pipeline = try Pipelines.make([
            writer("enforcing", .enforce), writer("lenient", .enforceIgnoreError), writer("permissive", .permissive),
            PipelinePlugin(Pipelines.entry("witness"), invoker: witness),
        ])
        var request = PipelineRequest(
            GlobalContext(requestID: "r", user: "u", state: ["before": 1], metadata: ["tool": ["id": 7]]))
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        let expected = GlobalContext(
            requestID: "r", user: "u", state: ["before": 1, "by enforcing": true, "by lenient": true],
            metadata: ["tool": ["id": 7], "by enforcing": true, "by lenient": true])
        #expect(witness.invocations.first?.context.global == expected)
        #expect(request.global == expected)
    }

    @Test func aKeyIsSetButNotRemovedAndOneThatWasNotTouchedIsNotSetBack() async throws {
        let gate = Gate()
        // Side by side, and both answer with all that they saw.
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("first", .concurrent)) { invocation in
                invocation.context.update { $0.global.state["a"] = "new" }
                gate.open()
                return PluginResult()
            },
            Pipelines.plugin(Pipelines.entry("second", .concurrent)) { invocation in
                await gate.wait()
                invocation.context.update { values in
                    values.global.state["b"] = "new"
                    values.global.state["c"] = nil
                }
                return PluginResult()
            },
        ])
        var request = PipelineRequest(GlobalContext(requestID: "r", state: ["a": "old", "b": "old", "c": "old"]))
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(request.global.state == ["a": "new", "b": "new", "c": "old"])
    }

    @Test func resultsAreMergedAndTheLastWins() async throws {
        func plugin(_ name: String, _ result: PluginResult, _ mode: PluginMode = .enforce) -> PipelinePlugin {
            Pipelines.plugin(Pipelines.entry(name, mode)) { _ in result }
        }
        let pipeline = try Pipelines.make([
            plugin(
                "a",
                PluginResult(
                    metadata: ["k": 1, "a": 1], httpHeaders: ["X-A": "1", "Retry-After": "1"],
                    retryDelayMilliseconds: 50)),
            plugin(
                "b",
                PluginResult(
                    metadata: ["k": 2, "_decision_plugin": "me"], httpHeaders: ["retry-after": "2", "Bad": "a\nb"],
                    retryDelayMilliseconds: 20), .permissive),
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.metadata == ["k": 2, "a": 1])
        #expect(outcome.httpHeaders == ["X-A": "1", "retry-after": "2"])
        #expect(outcome.retryDelayMilliseconds == 50)
        #expect(outcome.rejectedKeys == ["metadata._decision_plugin", "http_headers.Bad"])
    }

    @Test func anAuditingPluginGivesMetadataAndNoHeaders() async throws {
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("a", .audit)) { _ in
                PluginResult(metadata: ["k": 1], httpHeaders: ["X": "1"], retryDelayMilliseconds: 5)
            }
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.metadata == ["k": 1])
        #expect(outcome.httpHeaders == [:])
        #expect(outcome.rejectedKeys == ["http_headers"])
    }

    @Test func theDecidingPluginOfAPermissionIsNamed() async throws {
        func plugin(_ name: String, _ decision: PermissionDecision?) -> PipelinePlugin {
            Pipelines.plugin(Pipelines.entry(name, hooks: [.httpAuthCheckPermission])) { _ in
                PluginResult(modifiedPayload: decision?.document, metadata: ["_decision_plugin": "liar"])
            }
        }
        let pipeline = try Pipelines.make([
            plugin("a", PermissionDecision(granted: true)), plugin("b", PermissionDecision(granted: false)),
            plugin("c", nil),
        ])
        var request = Pipelines.request()
        let question = Document(["user_email": "u@x", "permission": "p"])
        let outcome = await pipeline.run(.httpAuthCheckPermission, question, in: &request)
        #expect(outcome.metadata == ["_decision_plugin": "b"])
        #expect(outcome.change?["granted"] == false)
    }

    @Test func aFailedPluginLeavesNothingBehind() async throws {
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("a", .enforceIgnoreError)) { invocation in
                invocation.context.state = ["x": 1]
                invocation.context.update { $0.global.state["x"] = 1 }
                return PluginResult(modifiedPayload: Document("nonsense"), metadata: ["x": 1], httpHeaders: ["X": "1"])
            }
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.course == ["a ignored"])
        #expect(outcome.metadata.isEmpty && outcome.httpHeaders.isEmpty)
        #expect(request.global.state.isEmpty && request.state(of: "a") == nil)
    }
}
