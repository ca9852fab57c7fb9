// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import PluginFramework
import Testing
import Values

/// `parallel_execution_within_band`: side by side, with the outcome of one after the other.
@Suite struct PipelineBandTests {
    @Test func pluginsOfOnePriorityReallyRunSideBySide() async throws {
        let here = Counter()
        let plugins = (0..<3).map { number in
            Pipelines.plugin(Pipelines.entry("P\(number)", timeout: .seconds(70))) { _ in
                here.add()
                // Comes true only if all three are there at once.
                return PluginResult(metadata: ["P\(number)": .bool(await here.reaches(3))])
            }
        }
        let pipeline = try Pipelines.make(plugins) { $0.runsPriorityInParallel = true }
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.metadata == ["P0": true, "P1": true, "P2": true])
    }

    @Test func aPluginRunsAgainOnlyWhenAnEarlierOneChangedWhatItSees() async throws {
        for isChanging in [false, true] {
            let later = Scripted { _ in PluginResult() }
            let pipeline = try Pipelines.make([
                Pipelines.plugin(Pipelines.entry("first")) { _ in
                    PluginResult(modifiedPayload: isChanging ? ToolCall(name: "masked").document : nil)
                },
                PipelinePlugin(Pipelines.entry("later"), invoker: later),
            ]) { $0.runsPriorityInParallel = true }
            var request = Pipelines.request()
            _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "raw"), in: &request)
            #expect(later.payloads.last?["name"] == (isChanging ? "masked" : "raw"))
            #expect(later.invocations.count <= (isChanging ? 2 : 1))
        }
    }

    @Test func theFirstToBlockInAConcurrentPhaseEndsItWithoutWaitingForTheOthers() async throws {
        let gate = Gate()
        defer { gate.open() }
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("never", .concurrent, priority: 1, timeout: .seconds(600))) { _ in
                await gate.wait()
                return PluginResult()
            },
            Pipelines.plugin(Pipelines.entry("blocker", .concurrent, priority: 2)) { _ in Pipelines.block() },
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "t"), in: &request)
        #expect(outcome.block?.plugin == "blocker")
        #expect(outcome.course == ["blocker blocked"])
    }

    // MARK: Random chains

    /// What a random plugin does: a pure function of what it sees, so that two ways of running it can be compared.
    enum Deed: CaseIterable {
        case pass, appendName, addState, tellState, blockIfMarked, mark, rename, fail, failIfMarked, refuseField,
            keepOwn
        case nonsense
    }

    private static func script(_ name: String, _ deeds: [Deed], pauses: Int) -> Scripted.Script {
        { invocation in
            for _ in 0..<pauses { await Task.yield() }
            var args = invocation.payload["args"]?.objectValue ?? [:]
            let trace = args["trace"]?.arrayValue ?? []
            let isMarked = args["mark"] != nil
            var result = PluginResult(metadata: ["last": .string(name), name: .int(Int64(trace.count))])
            var change = invocation.payload
            var isChanged = false
            for deed in deeds {
                switch deed {
                case .pass: break
                case .appendName:
                    args["trace"] = .array(trace + [.string(name)])
                    isChanged = true
                case .mark:
                    args["mark"] = true
                    isChanged = true
                case .addState:
                    invocation.context.update { values in
                        let count = values.global.state["count"]?.intValue ?? 0
                        values.global.state["count"] = .int(count + 1)
                    }
                case .tellState:
                    args["count by \(name)"] = invocation.context.global.state["count"] ?? .null
                    isChanged = true
                case .blockIfMarked where isMarked:
                    result.continueProcessing = false
                    result.violation = PluginViolation(code: name, reason: "marked", details: ["trace": .array(trace)])
                case .rename:
                    change["name"] = "renamed"
                    isChanged = true
                case .fail: throw PluginError("failed after \(trace.count)", pluginName: "")
                case .failIfMarked where isMarked: throw PluginError("marked", pluginName: "")
                case .refuseField:
                    change["forbidden"] = .string(name)
                    isChanged = true
                case .keepOwn:
                    invocation.context.state["times"] = .int((invocation.context.state["times"]?.intValue ?? 0) + 1)
                    invocation.context.state["trace"] = .array(trace)
                case .nonsense:
                    result.modifiedPayload = Document("nonsense")
                    return result
                case .blockIfMarked, .failIfMarked: break
                }
            }
            change["args"] = .object(args)
            if isChanged { result.modifiedPayload = change }
            if trace.count % 2 == 1 { result.httpHeaders = ["X-Last": .string(name)] }
            result.retryDelayMilliseconds = trace.count
            return result
        }
    }

    private static func chain(_ seed: UInt64) -> (plugins: [PipelinePlugin], settings: PipelineSettings) {
        var random = SeededGenerator(seed: seed)
        let isPhased = Bool.random(using: &random)
        // Several concurrent plugins that block have no order; one of them has.
        let modes: [PluginMode] =
            isPhased ? [.sequential, .transform, .audit] : [.enforce, .enforceIgnoreError, .permissive]
        var settings = PipelineSettings()
        settings.failsOnPluginError = Int.random(in: 0..<8, using: &random) == 0
        let plugins = (0..<Int.random(in: 2...7, using: &random)).map { number in
            let name = "P\(number)"
            var entry = Pipelines.entry(name, modes.randomElement(using: &random) ?? .enforce)
            entry.hooks = [.toolPreInvoke, .promptPreFetch]
            entry.priority = Int.random(in: 1...2, using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                entry.errorPolicy = PluginErrorPolicy.allCases.randomElement(using: &random)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                var condition = PluginCondition()
                condition.tools = [Bool.random(using: &random) ? "renamed" : "t"]
                entry.conditions = [condition]
            }
            // Failures are rarer, or few chains would get anywhere.
            let deeds = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let deed = Deed.allCases.randomElement(using: &random) ?? .pass
                let isFailure = deed == .fail || deed == .nonsense
                return isFailure && Int.random(in: 0..<3, using: &random) > 0 ? Deed.appendName : deed
            }
            return Pipelines.plugin(entry, script(name, deeds, pauses: Int.random(in: 0...4, using: &random)))
        }
        return (plugins, settings)
    }

    /// All that can be seen of a request that went through two hooks, but for times.
    private func story(_ seed: UInt64, parallel: Bool) async throws -> [String] {
        var (plugins, settings) = Self.chain(seed)
        settings.runsPriorityInParallel = parallel
        let pipeline = try Pipeline(
            PipelineConfiguration(plugins: plugins, settings: settings), logger: .silent)
        var request = Pipelines.request()
        var story: [String] = []
        for round in 0..<3 {
            let payload: Document =
                round == 1
                ? PromptRequest(promptID: "p", args: ["trace": "none"]).document
                : ToolCall(name: "t", args: ["round": .int(Int64(round))]).document
            let outcome = await pipeline.run(round == 1 ? .promptPreFetch : .toolPreInvoke, payload, in: &request)
            story.append("verdict \(outcome.verdict)")
            story.append("metadata \(Value.object(outcome.metadata)) \(Value.object(outcome.httpHeaders))")
            story.append("retry \(outcome.retryDelayMilliseconds)")
            story += outcome.steps.map { step in
                "\(step.plugin) \(step.verdict) \(step.isChanged) \(String(describing: step.violation)) "
                    + "\(String(describing: step.error)) \(step.rejections)"
            }
            story.append("global \(request.global)")
            story += plugins.map { "\($0.entry.name) \(Value.object(request.state(of: $0.entry.name) ?? [:]))" }
        }
        return story
    }

    @Test func aParallelBandHasExactlyTheOutcomeOfSerialOrder() async throws {
        var blocked = 0
        var changed = 0
        for seed in UInt64(1)...1_500 {
            let serial = try await story(seed, parallel: false)
            let parallel = try await story(seed, parallel: true)
            #expect(serial == parallel, "seed \(seed)")
            if serial != parallel { break }
            if serial.contains(where: { $0.hasPrefix("verdict blocked") }) { blocked += 1 }
            if serial.contains(where: { $0.contains(" changed true") }) { changed += 1 }
        }
        // The chains are worth comparing.
        #expect(blocked > 200 && changed > 500, "\(blocked) chains blocked, \(changed) changed")
    }
}
