// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// Every mode with every outcome of a plugin at every kind of hook.
@Suite struct PipelineModeTests {
    enum Happening: CaseIterable, Sendable { case pass, change, block, error, timeout, unavailable, nonsense }

    /// What a mode means, written down from the documented semantics, not from the code.
    struct Meaning: Sendable, CustomTestStringConvertible {
        let mode: PluginMode
        var isPhased = false
        var onError: PluginErrorPolicy?
        var failsOnPluginError = false
        let violationBlocks: Bool
        let errorBlocks: Bool
        let changeApplies: Bool
        let stateIsShared: Bool

        var testDescription: String {
            "\(mode.rawValue)\(isPhased ? " in phases" : "")\(onError.map { " on_error \($0.rawValue)" } ?? "")"
                + (failsOnPluginError ? " fail_on_plugin_error" : "")
        }
    }

    static let meanings: [Meaning] = {
        func row(
            _ mode: PluginMode, _ violationBlocks: Bool, _ errorBlocks: Bool, _ changeApplies: Bool,
            _ stateIsShared: Bool,
            phased isPhased: Bool = false, onError: PluginErrorPolicy? = nil, fails: Bool = false
        ) -> Meaning {
            Meaning(
                mode: mode, isPhased: isPhased, onError: onError, failsOnPluginError: fails,
                violationBlocks: violationBlocks, errorBlocks: errorBlocks, changeApplies: changeApplies,
                stateIsShared: stateIsShared)
        }
        return [
            //                     violation error  change state
            row(.enforce, /*         */ true, true, true, true),
            row(.enforceIgnoreError, /**/ true, false, true, true),
            row(.permissive, /*     */ false, false, true, false),
            row(.sequential, /*      */ true, true, true, true),
            row(.transform, /*      */ false, true, true, true),
            row(.audit, /*          */ false, true, false, false),
            row(.concurrent, /*      */ true, true, false, true),
            row(.fireAndForget, /*  */ false, false, false, false),
            // The old names in a configuration that uses a new one.
            row(.enforce, true, true, true, true, phased: true),
            row(.enforceIgnoreError, true, false, true, true, phased: true),
            row(.permissive, false, true, true, true, phased: true),
            // on_error wins over what the mode says.
            row(.enforce, true, false, true, true, onError: .ignore),
            row(.enforce, true, false, true, true, onError: .disable),
            row(.permissive, false, true, true, false, onError: .fail),
            row(.enforceIgnoreError, true, true, true, true, onError: .fail),
            row(.sequential, true, false, true, true, onError: .ignore),
            row(.transform, false, false, true, true, onError: .disable),
            row(.audit, false, false, false, false, onError: .ignore),
            row(.concurrent, true, false, false, true, onError: .ignore),
            row(.fireAndForget, false, false, false, false, onError: .fail),
            // fail_on_plugin_error wins over everything but the background.
            row(.enforceIgnoreError, true, true, true, true, fails: true),
            row(.permissive, false, true, true, false, fails: true),
            row(.enforce, true, true, true, true, onError: .disable, fails: true),
            row(.transform, false, true, true, true, onError: .ignore, fails: true),
            row(.audit, false, true, false, false, onError: .ignore, fails: true),
            row(.concurrent, true, true, false, true, onError: .ignore, fails: true),
            row(.fireAndForget, false, false, false, false, fails: true),
        ]
    }()

    /// A hook with a payload, a change that a plugin makes of it, and something that is no change of it.
    struct HookCase: Sendable, CustomTestStringConvertible {
        let hook: HookName
        let payload: Value
        let change: Value
        let expected: Value
        let nonsense: Value?
        var testDescription: String { hook.rawValue }
    }

    static let hooks: [HookCase] = [
        HookCase(
            hook: .toolPreInvoke, payload: ["name": "t", "args": ["a": 1]], change: ["name": "t", "args": ["a": 2]],
            expected: ["name": "t", "args": ["a": 2]], nonsense: ["name": 5]),
        HookCase(
            hook: .toolPostInvoke, payload: ["name": "t", "result": "r"], change: ["name": "t", "result": "***"],
            expected: ["name": "t", "result": "***"], nonsense: "text"),
        HookCase(
            hook: .httpPreRequest, payload: ["path": "/", "method": "GET", "headers": ["a": "1"]],
            change: ["X-B": "2"], expected: ["X-B": "2"], nonsense: ["X-B": 2]),
        HookCase(
            hook: .httpAuthCheckPermission, payload: ["user_email": "u@x", "permission": "tools.read"],
            change: ["granted": false], expected: ["granted": false], nonsense: ["granted": "no"]),
        HookCase(hook: "my_hook", payload: [1, 2], change: [3], expected: [3], nonsense: nil),
    ]

    @Test(arguments: meanings, hooks)
    func aModeDecidesWhatAPluginDoesToACall(_ meaning: Meaning, _ hook: HookCase) async throws {
        for happening in Happening.allCases {
            if happening == .nonsense, hook.nonsense == nil { continue }
            try await check(happening, meaning, hook)
        }
    }

    private func check(_ happening: Happening, _ meaning: Meaning, _ hook: HookCase) async throws {
        let gate = Gate()
        defer { gate.open() }
        var entry = Pipelines.entry("P", meaning.mode, hooks: [hook.hook], onError: meaning.onError)
        if happening == .timeout { entry.timeout = .milliseconds(30) }
        let plugin = Pipelines.plugin(entry) { invocation in
            invocation.context.state = ["own": true]
            invocation.context.update { $0.global.state["shared"] = true }
            switch happening {
            case .pass: return PluginResult()
            case .change: return PluginResult(modifiedPayload: Document(hook.change))
            case .block: return Pipelines.block()
            case .error: throw PluginError("broken", pluginName: "liar", code: "BROKEN")
            case .timeout:
                await gate.wait()
                return PluginResult()
            case .unavailable:
                throw PluginError("cannot reach 127.0.0.1:1", pluginName: "P", code: "UNAVAILABLE")
            case .nonsense: return PluginResult(modifiedPayload: hook.nonsense.map { Document($0) })
            }
        }
        var plugins = [plugin]
        if meaning.isPhased {
            plugins.append(
                Pipelines.plugin(Pipelines.entry("Q", .audit, hooks: ["other_hook"])) { _ in PluginResult() })
        }
        let pipeline = try Pipelines.make(plugins) { $0.failsOnPluginError = meaning.failsOnPluginError }
        var request = Pipelines.request()
        let outcome = await pipeline.run(hook.hook, Document(hook.payload), in: &request)
        await pipeline.shutdown()

        let isBackground = meaning.mode == .fireAndForget
        // What cannot be a change is dropped where no change is taken, and an error elsewhere.
        let isError =
            [.error, .timeout, .unavailable].contains(happening) || (happening == .nonsense && meaning.changeApplies)
        let blocks =
            happening == .block ? meaning.violationBlocks : isError && meaning.errorBlocks
        let note: Comment = "\(happening)"
        #expect((outcome.block != nil) == blocks, note)
        // Not a ternary with nil: that would be the value null.
        let change = happening == .change && meaning.changeApplies ? Optional(hook.expected) : Optional<Value>.none
        #expect(outcome.change?.value == change, note)
        #expect((request.global.state["shared"] == true) == (!isError && meaning.stateIsShared), note)
        #expect((request.state(of: "P") != nil) == (!isError && !isBackground), note)

        let step = try #require(outcome.steps.first, note)
        #expect(outcome.steps.count == 1 && step.plugin == "P", note)
        guard !isBackground else {
            #expect(step.verdict == .background, note)
            return
        }
        let expected: PipelineStep.Verdict =
            switch (happening, isError) {
            case (_, true): meaning.errorBlocks ? .failed : .ignored
            case (.block, _): meaning.violationBlocks ? .blocked : .overruled
            case (.change, _) where meaning.changeApplies: .changed
            default: .passed
            }
        #expect(step.verdict == expected, note)
        #expect(step.error?.pluginName == (isError ? "P" : nil), note)
        #expect(step.violation?.pluginName == (happening == .block ? "P" : nil), note)
        if [.change, .nonsense].contains(happening), !meaning.changeApplies {
            #expect(step.rejections.map(\.key) == ["payload"], note)
        }
        switch outcome.block?.reason {
        case .violation(let violation): #expect(violation.code == "NO" && outcome.block?.plugin == "P", note)
        case .error(let error):
            let code = [Happening.error: "BROKEN", .timeout: "TIMEOUT", .nonsense: "INVALID_CHANGE"][happening]
            #expect(error.code == code ?? "UNAVAILABLE" && outcome.block?.plugin == "P", note)
        case nil: break
        }
    }

    @Test func aDisabledPluginIsNeverAsked() async throws {
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", .disabled)) { _ in Pipelines.block() }
        ])
        var request = Pipelines.request()
        #expect(!pipeline.listens(to: .toolPreInvoke))
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.block == nil && outcome.steps.isEmpty)
    }

    // MARK: Order

    /// The order in which plugins that only pass are asked.
    private func order(_ entries: [PluginEntry], parallel: Bool = false) async throws -> [String] {
        let pipeline = try Pipelines.make(entries.map { entry in Pipelines.plugin(entry) { _ in PluginResult() } }) {
            $0.runsPriorityInParallel = parallel
        }
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        await pipeline.shutdown()
        #expect(pipeline.plugins(at: .toolPreInvoke).map(\.name) == outcome.steps.map(\.plugin))
        return outcome.steps.map(\.plugin)
    }

    @Test(arguments: [false, true])
    func lowerPrioritiesRunFirstAndEqualOnesInConfiguredOrder(parallel: Bool) async throws {
        let names = try await order(
            [
                Pipelines.entry("a", priority: 50), Pipelines.entry("b", .permissive, priority: 10),
                Pipelines.entry("c", .enforceIgnoreError, priority: 50), Pipelines.entry("d", priority: -1),
                Pipelines.entry("e", .permissive, priority: 50), Pipelines.entry("f", priority: 10),
            ], parallel: parallel)
        #expect(names == ["d", "b", "f", "a", "c", "e"])
    }

    @Test func aConfigurationThatUsesANewModeRunsInPhases() async throws {
        let names = try await order([
            Pipelines.entry("faf", .fireAndForget, priority: 1),
            Pipelines.entry("concurrent", .concurrent, priority: 2),
            Pipelines.entry("audit", .audit, priority: 3), Pipelines.entry("permissive", .permissive, priority: 5),
            Pipelines.entry("transform", .transform, priority: 4), Pipelines.entry("enforce", .enforce, priority: 7),
            Pipelines.entry("sequential", .sequential, priority: 6),
        ])
        #expect(names == ["sequential", "enforce", "transform", "permissive", "audit", "concurrent", "faf"])
    }

    @Test func aDisabledPluginDecidesNothingAboutPhasesUnlessItsModeIsNew() async throws {
        let names = try await order([
            Pipelines.entry("permissive", .permissive, priority: 1), Pipelines.entry("enforce", .enforce, priority: 2),
            Pipelines.entry("off", .disabled, priority: 3),
        ])
        #expect(names == ["permissive", "enforce"])
    }

    @Test func whatFollowsABlockIsNotAskedButTheBackground() async throws {
        let later = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("first", .sequential, priority: 1)) { _ in
                PluginResult(modifiedPayload: ToolCall(name: "changed").document, metadata: ["seen": 1])
            },
            Pipelines.plugin(Pipelines.entry("blocker", .sequential, priority: 2)) { _ in
                PluginResult(
                    continueProcessing: false, violation: Pipelines.violation, metadata: ["why": "no"],
                    httpHeaders: ["Retry-After": "5"], retryDelayMilliseconds: 20)
            },
            PipelinePlugin(Pipelines.entry("later", .sequential, priority: 3), invoker: later),
            PipelinePlugin(Pipelines.entry("audit", .audit), invoker: later),
            Pipelines.plugin(Pipelines.entry("background", .fireAndForget)) { _ in PluginResult() },
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.course == ["first changed", "blocker blocked", "background background"])
        #expect(outcome.change == nil)
        #expect(outcome.metadata == ["seen": 1, "why": "no"])
        #expect(outcome.httpHeaders == ["Retry-After": "5"])
        #expect(outcome.retryDelayMilliseconds == 20)
        #expect(later.invocations.isEmpty)
        await pipeline.shutdown()
    }

    // MARK: on_error

    @Test func aPluginWithOnErrorDisableIsSwitchedOffUntilTheConfigurationIsLoadedAgain() async throws {
        let invoker = Scripted { _ in throw PluginError("broken", pluginName: "") }
        let plugin = PipelinePlugin(Pipelines.entry("P", onError: .disable), invoker: invoker)
        let pipeline = try Pipelines.make([plugin])
        for _ in 0..<3 {
            var request = Pipelines.request()
            #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block == nil)
        }
        #expect(invoker.invocations.count == 1)
        try pipeline.replace(with: PipelineConfiguration(plugins: [plugin]))
        var request = Pipelines.request()
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(invoker.invocations.count == 2)
    }

    @Test func aRefusalWithoutAViolationBlocksAndNamesThePlugin() async throws {
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P")) { _ in Pipelines.block(nil) }
        ])
        var request = Pipelines.request()
        let block = try #require(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block)
        #expect(block.jsonRPCError.message == "Plugin Violation: A plugin violation occurred.")
        #expect(block.jsonRPCError.data["plugin_name"] == "P")
    }

    @Test func aViolationWithoutARefusalDoesNotBlock() async throws {
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P")) { _ in PluginResult(violation: Pipelines.violation) }
        ])
        var request = Pipelines.request()
        #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block == nil)
    }

    @Test func aRefusalWithANonsensicalPayloadStillBlocks() async throws {
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", onError: .ignore)) { _ in
                PluginResult(
                    continueProcessing: false, modifiedPayload: Document("nonsense"), violation: Pipelines.violation)
            }
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.block?.violation?.code == "NO")
        #expect(outcome.rejectedKeys == ["payload"])
    }
}
