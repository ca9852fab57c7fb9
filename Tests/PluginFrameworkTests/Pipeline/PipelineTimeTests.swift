// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Synchronization
import Testing
import Values

/// Time limits, cancellation and what runs in the background.
@Suite struct PipelineTimeTests {
    /// An invoker that returns when the gate opens, and not for cancellation.
    private func stuck(_ gate: Gate) -> Scripted {
        Scripted { _ in
            await gate.wait()
            return PluginResult()
        }
    }

    @Test func theTimeLimitHoldsWhateverTheInvokerDoes() async throws {
        let gate = Gate()
        defer { gate.open() }
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("stuck", timeout: .milliseconds(50)), invoker: stuck(gate))
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        let error = try #require(outcome.block?.error)
        #expect(error.code == "TIMEOUT")
        #expect(error.message.contains("0.05 s") && error.message.contains("plugin_settings.plugin_timeout"))
        #expect((outcome.steps.first?.duration ?? .zero) >= .milliseconds(50))
    }

    @Test func theEntryDecidesAboutItsTimeLimitThenTheSettings() async throws {
        let gate = Gate()
        defer { gate.open() }
        let deadlines = Mutex<[String: Duration]>([:])
        func plugin(_ name: String, _ timeout: Duration?) -> PipelinePlugin {
            Pipelines.plugin(Pipelines.entry(name, timeout: timeout)) { invocation in
                let left = (invocation.deadline ?? .now) - .now
                deadlines.withLock { $0[name] = left }
                return PluginResult()
            }
        }
        let pipeline = try Pipelines.make([plugin("own", .seconds(700)), plugin("common", nil)]) {
            $0.pluginTimeout = .seconds(400)
        }
        var request = Pipelines.request()
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        let seen = deadlines.withLock { $0 }
        #expect((Duration.seconds(600)...(.seconds(700))).contains(seen["own"] ?? .zero))
        #expect((Duration.seconds(300)...(.seconds(400))).contains(seen["common"] ?? .zero))
        #expect(PipelineSettings().pluginTimeout == .seconds(30))
    }

    @Test func aPluginOfThisProcessEndsAtThePipelinesLimitToo() async throws {
        struct Sleeper: Plugin, ToolPreInvoke {
            let settings: NoSettings
            func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
                try await Task.sleep(for: .seconds(3_600))
                return .pass
            }
        }
        let entry = PluginEntry(name: "Sleeper", kind: "Sleeper")
        let host = try await PluginHost.load([entry], registry: PluginRegistry([Sleeper.self]), logger: .silent)
        var settings = PipelineSettings()
        settings.pluginTimeout = .milliseconds(50)
        let pipeline = try Pipeline(
            try await PipelineConfiguration(entries: [entry], host: host, settings: settings), logger: .silent)
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.block?.error?.code == "TIMEOUT")
        await host.shutdown()
    }

    @Test func callsThatNeverReturnAreBoundedInNumber() async throws {
        let gate = Gate()
        defer { gate.open() }
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("stuck", timeout: .milliseconds(1)), invoker: stuck(gate))
        ])
        let codes = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<1_100 {
                group.addTask {
                    var request = Pipelines.request()
                    return await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block?.error?.code
                }
            }
            return await group.reduce(into: [:]) { $0[$1 ?? "none", default: 0] += 1 }
        }
        // All at once, so some may be refused only by those that come after; one more surely is.
        #expect(codes["TIMEOUT", default: 0] + codes["PLUGIN_EXHAUSTED", default: 0] == 1_100)
        var request = Pipelines.request()
        let last = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(last.block?.error?.code == "PLUGIN_EXHAUSTED")
    }

    // MARK: Cancellation

    enum Layout: CaseIterable { case serial, band, concurrent }

    @Test(arguments: Layout.allCases, [PluginMode.permissive, .enforce])
    func cancellingTheCallerCancelsEverythingAndBlocks(_ layout: Layout, _ mode: PluginMode) async throws {
        let started = Counter()
        let cancelled = Counter()
        let after = Scripted { _ in PluginResult() }
        let mode = layout == .concurrent ? PluginMode.concurrent : mode
        let count = layout == .serial ? 1 : 3
        var plugins = (0..<count).map { number in
            // Whoever is cancelled has failed; being switched off for that would be wrong.
            let entry = Pipelines.entry("P\(number)", mode, priority: 1, onError: .disable, timeout: .seconds(600))
            return Pipelines.plugin(entry) { _ in
                started.add()
                do { try await Task.sleep(for: .seconds(3_600)) } catch { cancelled.add() }
                return PluginResult()
            }
        }
        plugins.append(PipelinePlugin(Pipelines.entry("after", mode, priority: 2), invoker: after))
        if layout == .concurrent { plugins.removeLast() }
        let pipeline = try Pipelines.make(plugins) { $0.runsPriorityInParallel = layout == .band }
        let caller = Task {
            var request = Pipelines.request()
            return await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        }
        #expect(await started.reaches(count))
        caller.cancel()
        let outcome = await caller.value
        #expect(outcome.block?.error?.code == "CANCELLED")
        #expect(await cancelled.reaches(count))
        #expect(after.invocations.isEmpty)
        // Nobody was switched off.
        let again = Task {
            var request = Pipelines.request()
            return await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        }
        #expect(await started.reaches(2 * count))
        again.cancel()
        _ = await again.value
    }

    @Test func aCallerWhoHasLeftAlreadyAsksNobody() async throws {
        let invoker = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([PipelinePlugin(Pipelines.entry("P", .permissive), invoker: invoker)])
        let caller = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            var request = Pipelines.request()
            return await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        }
        #expect(await caller.value.block?.error?.code == "CANCELLED")
        #expect(invoker.invocations.isEmpty)
    }

    // MARK: In the background

    @Test func aBackgroundPluginGetsASnapshotOfWhatTheOthersLeftAndNobodyWaitsForIt() async throws {
        let gate = Gate()
        let done = Counter()
        let background = Scripted { invocation in
            await gate.wait()
            invocation.context.update { $0.global.state["late"] = true }
            done.add()
            return Pipelines.block()
        }
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("background", .fireAndForget), invoker: background),
            Pipelines.plugin(Pipelines.entry("masker", .sequential)) { invocation in
                invocation.context.update { $0.global.state["masked"] = true }
                return PluginResult(modifiedPayload: ToolCall(name: "masked").document)
            },
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.block == nil)
        #expect(pipeline.backgroundCallCount == 1)
        gate.open()
        await pipeline.shutdown()
        // Shutting down waited for it.
        #expect(done.value == 1)
        #expect(pipeline.backgroundCallCount == 0)
        #expect(background.payloads.first?["name"] == "masked")
        #expect(background.invocations.first?.context.global.state["masked"] == true)
        #expect(request.global.state == ["masked": true])
    }

    @Test func backgroundCallsAreBoundedInNumberAndTheRestIsDroppedVisibly() async throws {
        let gate = Gate()
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("P", .fireAndForget, timeout: .seconds(600)), invoker: stuck(gate))
        ]) { $0.maximumBackgroundCalls = 2 }
        var verdicts: [PipelineStep.Verdict] = []
        for _ in 0..<4 {
            var request = Pipelines.request()
            let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
            verdicts += outcome.steps.map(\.verdict)
            #expect(outcome.block == nil)
        }
        #expect(verdicts == [.background, .background, .dropped, .dropped])
        gate.open()
        await pipeline.shutdown()
    }

    @Test func aBackgroundPluginIsAskedOnlyWhenItsConditionsMatchAndThePayloadIsFitForPlugins() async throws {
        var condition = PluginCondition()
        condition.tools = ["wanted"]
        let background = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([
            PipelinePlugin(Pipelines.entry("P", .fireAndForget, conditions: [condition]), invoker: background),
            Pipelines.plugin(Pipelines.entry("Q", .sequential)) { _ in PluginResult() },
        ]) { $0.maximumPayloadSize = 200 }
        let calls: [(ToolCall, Bool)] = [
            (ToolCall(name: "other"), true), (ToolCall(name: "wanted"), true),
            (ToolCall(name: "wanted", args: ["x": .string(String(repeating: "x", count: 300))]), false),
        ]
        for (call, isAllowed) in calls {
            var request = Pipelines.request()
            #expect((await pipeline.run(.toolPreInvoke, call, in: &request).block == nil) == isAllowed)
        }
        await pipeline.shutdown()
        #expect(background.payloads.map { $0["name"] } == ["wanted"])
    }

    @Test func cancellingTheShutdownCancelsBackgroundCalls() async throws {
        let started = Counter()
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", .fireAndForget, timeout: .seconds(3_000))) { _ in
                started.add()
                try await Task.sleep(for: .seconds(3_600))
                return PluginResult()
            }
        ])
        var request = Pipelines.request()
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(await started.reaches(1))
        let shutdown = Task { await pipeline.shutdown() }
        shutdown.cancel()
        await shutdown.value
    }

    @Test func afterShutdownEveryCallIsBlocked() async throws {
        let pipeline = try Pipelines.make([Pipelines.plugin(Pipelines.entry("P")) { _ in PluginResult() }])
        await pipeline.shutdown()
        var request = Pipelines.request()
        #expect(pipeline.listens(to: .toolPreInvoke))
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.block?.error?.code == "SHUT_DOWN")
    }
}
