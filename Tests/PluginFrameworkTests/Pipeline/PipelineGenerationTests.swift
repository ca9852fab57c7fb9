// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// Replacing the configuration while calls run.
@Suite struct PipelineGenerationTests {
    private static let hooks: [HookName] = [.toolPreInvoke, .toolPostInvoke]

    /// Two plugins that note the number of their generation.
    private static func configuration(
        _ number: Int, onRetire: @escaping @Sendable () -> Void = {}
    ) -> PipelineConfiguration {
        var configuration = PipelineConfiguration(
            plugins: ["a", "b"].map { name in
                Pipelines.plugin(Pipelines.entry(name, hooks: hooks)) { invocation in
                    await Task.yield()
                    invocation.context.state["generation"] = .int(Int64(number))
                    return PluginResult(metadata: [name: .int(Int64(number))])
                }
            })
        configuration.onRetire = onRetire
        return configuration
    }

    @Test func underLoadEveryRequestKeepsTheConfigurationItBeganWithAndNoneIsLost() async throws {
        let retired = Counter()
        let pipeline = try Pipeline(Self.configuration(0) { retired.add() }, logger: .silent)
        let seen = await withTaskGroup(of: Set<Int64>.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var seen: Set<Int64> = []
                    for number in 0..<300 {
                        var request = Pipelines.request("\(number)")
                        let pre = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
                        await Task.yield()
                        let post = await pipeline.run(.toolPostInvoke, ToolResult(name: "t", result: 1), in: &request)
                        let numbers = [pre.metadata, post.metadata].flatMap { [$0["a"], $0["b"]] }.map { $0?.intValue }
                        #expect(Set(numbers).count == 1)
                        #expect(pre.block == nil && post.block == nil)
                        if let first = numbers.first, let first { seen.insert(first) }
                    }
                    return seen
                }
            }
            group.addTask {
                for number in 1...100 {
                    _ = try? pipeline.replace(with: Self.configuration(number) { retired.add() })
                    await Task.yield()
                }
                return []
            }
            return await group.reduce(into: Set<Int64>()) { $0.formUnion($1) }
        }
        #expect(seen.count > 1)
        // All but the one in place have ended, each once.
        #expect(await retired.reaches(100))
        #expect(retired.value == 100)
    }

    @Test func anOldConfigurationLivesUntilItsLastCallHasEnded() async throws {
        let retired = Counter()
        let started = Counter()
        let gate = Gate()
        var old = PipelineConfiguration(plugins: [
            Pipelines.plugin(Pipelines.entry("old", timeout: .seconds(600))) { _ in
                started.add()
                await gate.wait()
                return Pipelines.block()
            }
        ])
        old.onRetire = { retired.add() }
        let pipeline = try Pipeline(old, logger: .silent)
        let caller = Task {
            var request = Pipelines.request()
            return await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block?.plugin
        }
        #expect(await started.reaches(1))
        try pipeline.replace(with: PipelineConfiguration(plugins: []))
        #expect(!pipeline.listens(to: .toolPreInvoke))
        #expect(retired.value == 0)
        gate.open()
        #expect(await caller.value == "old")
        #expect(await retired.reaches(1))
    }

    @Test func aFaultyConfigurationLeavesTheOneInPlace() async throws {
        let pipeline = try Pipeline(Self.configuration(1), logger: .silent)
        var condition = PluginCondition()
        condition.serverIDs = [""]
        let faulty = PipelineConfiguration(plugins: [
            Pipelines.plugin(Pipelines.entry("x", conditions: [condition])) { _ in PluginResult() }
        ])
        #expect(throws: PluginLoadError.self) { try pipeline.replace(with: faulty) }
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.metadata == ["a": 1, "b": 1])
    }

    @Test func aPipelineThatEndsDoesNotRetireWhatIsInPlace() async throws {
        let retired = Counter()
        do { _ = try Pipeline(Self.configuration(1) { retired.add() }, logger: .silent) }
        #expect(retired.value == 0)
    }

    @Test func stateSurvivesAReloadWithinARequest() async throws {
        let pipeline = try Pipeline(Self.configuration(1), logger: .silent)
        var request = Pipelines.request()
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        try pipeline.replace(with: Self.configuration(2))
        #expect(request.state(of: "a") == ["generation": 1])
        #expect(pipeline.listens(to: .toolPostInvoke, in: request))
        let post = await pipeline.run(.toolPostInvoke, ToolResult(name: "t", result: 1), in: &request)
        #expect(post.metadata == ["a": 1, "b": 1])
    }

    // MARK: Renewal

    /// A plugin with `on_error: disable` that fails, once its gate is open.
    private static func failing(_ name: String, _ gate: Gate) -> (PipelinePlugin, Scripted) {
        let invoker = Scripted { _ in
            await gate.wait()
            throw PluginError("broken", pluginName: "")
        }
        let entry = Pipelines.entry(name, onError: .disable, timeout: .seconds(600))
        return (PipelinePlugin(entry, invoker: invoker), invoker)
    }

    @Test func aRenewedConfigurationKeepsTheSamePluginsSwitchedOffAndAsksTheOthersAgain() async throws {
        let open = Gate()
        open.open()
        let (same, changed) = (Self.failing("same", open), Self.failing("changed", open))
        let pipeline = try Pipelines.make([same.0, changed.0])
        func call() async {
            var request = Pipelines.request()
            #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).block == nil)
        }
        await call()
        var told = changed.0
        told.entry.priority += 1
        let renewed = PipelineConfiguration(plugins: [same.0, told])
        try pipeline.renew(with: renewed)
        await call()
        #expect(same.1.invocations.count == 1)
        #expect(changed.1.invocations.count == 2)
        // Once more: what was kept is kept again, and what failed meanwhile is off as well.
        try pipeline.renew(with: renewed)
        await call()
        #expect(same.1.invocations.count == 1)
        #expect(changed.1.invocations.count == 2)
        try pipeline.replace(with: renewed)
        await call()
        #expect(same.1.invocations.count == 2)
        #expect(changed.1.invocations.count == 3)
    }

    @Test func anErrorOfACallThatBeganBeforeARenewalSwitchesThePluginOffAfterwards() async throws {
        let gate = Gate()
        let (plugin, invoker) = Self.failing("P", gate)
        let pipeline = try Pipelines.make([plugin])
        let caller = Task {
            var request = Pipelines.request()
            return await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).course
        }
        while invoker.invocations.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        try pipeline.renew(with: PipelineConfiguration(plugins: [plugin]))
        gate.open()
        #expect(await caller.value == ["P ignored"])
        var request = Pipelines.request()
        #expect(await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request).course == [])
        #expect(invoker.invocations.count == 1)
    }

    @Test func aFaultyRenewalLeavesTheConfigurationInPlace() async throws {
        let pipeline = try Pipeline(Self.configuration(1), logger: .silent)
        let twice = PipelineConfiguration(
            plugins: ["x", "X"].map { name in Pipelines.plugin(Pipelines.entry(name)) { _ in PluginResult() } })
        #expect(throws: PluginLoadError.self) { try pipeline.renew(with: twice) }
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.metadata == ["a": 1, "b": 1])
    }

    // MARK: Entries

    private struct Shouter: Plugin, ToolPreInvoke, PromptPreFetch {
        let settings: NoSettings
        func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
            var call = call
            call.name = call.name.uppercased()
            return .pass(call)
        }
        func promptPreFetch(_ request: PromptRequest, context: PluginContext) async throws -> Verdict<PromptRequest> {
            .pass
        }
    }

    @Test func localAndExternalPluginsRunInOneChain() async throws {
        var off = Pipelines.entry("off", .disabled)
        off.external = .grpc(.init())
        var external = Pipelines.entry("remote", priority: 200)
        external.external = .grpc(.init())
        let entries = [PluginEntry(name: "local", kind: "Shouter"), off, external]
        let host = try await PluginHost.load(entries, registry: PluginRegistry([Shouter.self]), logger: .silent)
        let remote = Scripted { PluginResult(metadata: ["got": $0.payload["name"] ?? .null]) }
        let pipeline = try Pipeline(
            try await PipelineConfiguration(entries: entries, host: host, external: ["remote": remote]), logger: .silent
        )
        // Without hooks an entry gets those that it implements.
        #expect(pipeline.plugins(at: .promptPreFetch).map(\.name) == ["local"])
        #expect(pipeline.plugins(at: .toolPreInvoke).map(\.name) == ["local", "remote"])
        #expect(!pipeline.listens(to: .toolPostInvoke))
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.metadata == ["got": "T"])
        #expect(try outcome.payload(ToolCall(name: "t")).name == "T")
        await host.shutdown()
    }

    @Test func anExternalPluginThatNothingConnectsToFailsStart() async throws {
        var entry = Pipelines.entry("remote")
        entry.external = .grpc(.init())
        let host = try await PluginHost.load([], registry: PluginRegistry(), logger: .silent)
        let entries = [Pipelines.entry("off", .disabled), entry]
        let error = await #expect(throws: PluginLoadError.self) {
            try await PipelineConfiguration(entries: entries, host: host)
        }
        #expect(error?.faults.map(\.index) == [1])
        await host.shutdown()
    }

    @Test func aPluginWhoseHooksNobodyKnowsIsAskedEverywhereAndBlocksWhenItIsDown() async throws {
        let down = Scripted { _ in throw PluginError("cannot connect", pluginName: "x", code: "UNAVAILABLE") }
        let pipeline = try Pipelines.make([PipelinePlugin(Pipelines.entry("down", hooks: []), invoker: down)])
        for hook in HookName.standard { #expect(pipeline.listens(to: hook)) }
        var request = Pipelines.request()
        let outcome = await pipeline.run(.promptPreFetch, PromptRequest(promptID: "p"), in: &request)
        #expect(outcome.block?.error?.code == "UNAVAILABLE")
    }
}
