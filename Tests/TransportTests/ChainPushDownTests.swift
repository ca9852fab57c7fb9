// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Synchronization
import Testing
import Values

/// Plugins of one server that go in one request have the outcome of single calls.
@Suite struct ChainPushDownTests {
    /// Every transport; those that cannot carry chains are shown to have the same outcomes all the same.
    @Test(arguments: TransportPair.all.filter { $0.server != .child }, [1, 2, 3])
    func pushedChainsHaveTheOutcomeOfSingleCalls(pair: TransportPair, seed: Int) async throws {
        let names = (0..<8).map { "P\($0)" }
        let entries = names.map { name in
            var entry = PluginEntry(name: name, kind: "ChainProbe")
            entry.config = ["name": .string(name)]
            entry.timeout = .seconds(120)
            return entry
        }
        try await pair.with(ChainProbe.self, entries) { running in
            var invokers: [any PluginInvoker] = [running.invoker]
            for name in names.dropFirst() { invokers.append(try await running.another(name)) }
            var dice = Dice(seed: UInt64(seed))
            let requests = RequestCount()
            var singles = 0
            for round in 0..<40 {
                let plan = Plan(names: names, &dice)
                let single = try await plan.run(
                    invokers.map { Single(inner: $0) }, "single:\(pair.name):\(seed):\(round)", seed: round)
                let pushed = try await plan.run(
                    invokers.map { Counting.around($0, requests) }, "pushed:\(pair.name):\(seed):\(round)", seed: round)
                #expect(
                    pushed.difference(from: single) == Optional.none,
                    "\(pair.name), seed \(seed), round \(round): \(plan)")
                singles += single.asked
            }
            guard pair.pushesChains else { return }
            #expect(requests.value < singles, "plugins go together")
            #expect(requests.value > 0)
        }
    }

    @Test(arguments: TransportPair.all.filter(\.pushesChains))
    func aPluginThatIsSlowEndsTheRequestAndTheOthersGoInAnother(pair: TransportPair) async throws {
        try await pair.with(SlowProbe.self, SlowProbe.entries(["first", "slow", "third", "fourth"])) { running in
            let requests = RequestCount()
            let pipeline = try await SlowProbe.pipeline(running, ["first", "slow", "third", "fourth"], requests)
            var request = PipelineRequest(GlobalContext(requestID: "r"))
            let outcome = await pipeline.run(
                .toolPreInvoke, ToolCall(name: "t", args: ["slow": .int(PatienceTest.longerThanPatience)]), in: &request
            )
            #expect(outcome.block == nil)
            #expect(outcome.steps.map(\.plugin) == ["first", "slow", "third", "fourth"])
            // The third was not begun with the first two.
            #expect(requests.value == 2)
            #expect(outcome.steps[1].duration >= .milliseconds(PatienceTest.longerThanPatience))
            #expect(outcome.steps[2].duration < outcome.steps[1].duration)
        }
    }

    @Test(arguments: TransportPair.all.filter(\.pushesChains))
    func aPluginThatTakesTooLongFailsAlone(pair: TransportPair) async throws {
        let names = ["first", "slow", "third"]
        try await pair.with(SlowProbe.self, SlowProbe.entries(names)) { running in
            let requests = RequestCount()
            let pipeline = try await SlowProbe.pipeline(running, names, requests, mode: .enforceIgnoreError, timeout: 4)
            var request = PipelineRequest(GlobalContext(requestID: "r"))
            let outcome = await pipeline.run(
                .toolPreInvoke, ToolCall(name: "t", args: ["slow": 1_000_000]), in: &request)
            #expect(outcome.block == nil)
            #expect(outcome.steps.map(\.verdict) == [.passed, .ignored, .passed])
            #expect(outcome.steps[1].error?.code == PluginError.Code.timeout)
        }
    }

    @Test(arguments: TransportPair.all.filter(\.pushesChains))
    func cancellingTheCallerEndsTheChainOnTheServer(pair: TransportPair) async throws {
        let names = ["first", "slow", "third"]
        try await pair.with(SlowProbe.self, SlowProbe.entries(names)) { running in
            let pipeline = try await SlowProbe.pipeline(running, names, RequestCount())
            let call = Task {
                var request = PipelineRequest(GlobalContext(requestID: "cancelled-\(pair.name)"))
                return await pipeline.run(
                    .toolPreInvoke, ToolCall(name: "t", args: ["slow": 1_000_000]), in: &request)
            }
            try await eventually("the slow one has begun") { await SlowProbe.begun.contains("cancelled-\(pair.name)") }
            call.cancel()
            #expect(await call.value.block?.error?.code == PluginError.Code.cancelled)
            try await eventually("its work is cancelled") {
                await SlowProbe.begun.contains("cancelled-\(pair.name) ended")
            }
            // Another call shows that the server has gone on meanwhile, and has not begun the third of the first.
            var request = PipelineRequest(GlobalContext(requestID: "after-\(pair.name)"))
            _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "t", args: [:]), in: &request)
            #expect(await SlowProbe.begun.contains("after-\(pair.name) third"))
            #expect(await !SlowProbe.begun.contains("cancelled-\(pair.name) third"))
        }
    }

    private enum PatienceTest {
        /// In milliseconds.
        static let longerThanPatience: Int64 = 400
    }
}

extension TransportPair {
    /// Whether several plugins can go in one request.
    var pushesChains: Bool { name.hasPrefix("gRPC") || name == "raw socket, multiplexed" }
}

/// A random configuration of a chain, and a random call of it.
private struct Plan: CustomStringConvertible {
    private struct Member {
        var name: String
        var mode: PluginMode
        var onError: PluginErrorPolicy?
        var conditions: [PluginCondition]
        var priority: Int
        var isShort: Bool
    }

    /// What came of it: all that a caller can see, and all that plugins could.
    struct Result {
        /// One line for each thing, so that it can be seen which is another.
        var lines: [String]
        /// How often plugins were asked.
        var asked: Int

        /// The first lines that are not the same; nil if all are.
        func difference(from other: Result) -> String? {
            for index in 0..<max(lines.count, other.lines.count) {
                let (own, others) = (lines[safe: index] ?? "nothing", other.lines[safe: index] ?? "nothing")
                if own != others { return "\(own)\ninstead of \(others)" }
            }
            return nil
        }
    }

    private var members: [Member] = []
    private var hook: HookName
    private var payload: Document
    private var settings = PipelineSettings()
    private var fields = WritableFields.standard

    init(names: [String], _ dice: inout Dice) {
        let isPhased = dice.below(3) == 0
        let modes: [PluginMode] =
            isPhased
            ? [.sequential, .sequential, .transform, .audit, .concurrent, .permissive]
            : [.enforce, .permissive, .permissive, .enforceIgnoreError, .enforceIgnoreError]
        for name in names.shuffled(using: &dice).prefix(2 + dice.below(names.count - 1)) {
            var conditions: [PluginCondition] = []
            if dice.below(5) == 0 {
                var condition = PluginCondition()
                condition.tools = ["tool-\(dice.below(4))", "tool-9"]
                conditions = [condition]
            }
            if dice.below(8) == 0 {
                var condition = PluginCondition()
                condition.tenantIDs = [dice.below(2) == 0 ? "t-1" : "t-2"]
                conditions.append(condition)
            }
            var mode = modes[dice.below(modes.count)]
            // Of several side by side it is chance which one blocks first.
            if mode == .concurrent, members.contains(where: { $0.mode == .concurrent }) { mode = .sequential }
            members.append(
                Member(
                    name: name, mode: mode,
                    onError: dice.below(6) == 0 ? [.fail, .ignore, .disable][dice.below(3)] : Optional.none,
                    conditions: conditions, priority: dice.below(3), isShort: dice.below(8) == 0))
        }
        settings.failsOnPluginError = dice.below(8) == 0
        settings.runsPriorityInParallel = dice.below(6) == 0
        settings.defaultHookPolicy = dice.below(3) == 0 ? .deny : .allow
        settings.maximumPayloadSize = dice.below(6) == 0 ? 150 : 1 << 20
        switch dice.below(6) {
        case 0:
            hook = .toolPostInvoke
            payload = ToolResult(name: "tool-\(dice.below(4))", result: dice.value()).document
        case 1:
            hook = .promptPreFetch
            payload = Document(object: ["prompt_id": "tool-1", "args": ["a": "1"]])
        case 2:
            hook = .httpPreRequest
            payload = Document(object: ["path": "/", "method": "GET", "headers": ["Authorization": "Bearer x"]])
        default:
            hook = .toolPreInvoke
            payload = ToolCall(name: "tool-\(dice.below(4))", args: ["n": dice.value()]).document
        }
        switch dice.below(6) {
        case 0: fields[hook] = Optional<[String]>.none
        case 1: fields[hook] = ["args"]
        default: break
        }
    }

    func run(_ invokers: [any PluginInvoker], _ id: String, seed: Int) async throws -> Result {
        let plugins = members.map { member in
            var entry = PluginEntry(name: member.name, kind: "external")
            entry.hooks = [hook]
            entry.mode = member.mode
            entry.errorPolicy = member.onError
            if hook == .toolPreInvoke || hook == .toolPostInvoke {
                entry.conditions = member.conditions
            } else {
                entry.conditions = member.conditions.filter(\.tools.isEmpty)
            }
            entry.priority = member.priority
            entry.timeout = .seconds(member.isShort ? 100 : 120)
            let number = Int(member.name.dropFirst()) ?? 0
            return PipelinePlugin(entry, invoker: invokers[number])
        }
        let pipeline = try Pipeline(
            PipelineConfiguration(plugins: plugins, settings: settings, writableFields: fields), logger: .silent)
        // The plugins look at the first characters only: what they do must not depend on the way they are asked.
        let requestID = "seed\(seed)xxxxxxxx".prefix(8) + id
        var request = PipelineRequest(
            GlobalContext(
                requestID: String(requestID), user: ["email": "ada@example.com"], userContext: ["role": "x"],
                tenantID: "t-1", contentType: "application/json", state: ["n": .int(.min)]))
        var lines: [String] = []
        // Twice: the second time with what the plugins keep for themselves.
        for _ in 0..<2 {
            let outcome = await pipeline.run(hook, payload, in: &request)
            lines += Self.texts(outcome.steps)
            lines.append(outcome.block.map { "\($0)" } ?? "allowed")
            lines.append("change \(outcome.change?.description ?? "-")")
            lines.append("metadata \(Value.object(outcome.metadata)), headers \(Value.object(outcome.httpHeaders))")
            lines.append("retry \(outcome.retryDelayMilliseconds)")
        }
        lines.append(Self.text(request.global))
        lines += members.map { "\($0.name) keeps \(request.state(of: $0.name).map { "\(Value.object($0))" } ?? "-")" }
        let asked = await ChainProbe.log.take(String(requestID))
        // Side by side the order is chance, and those that come too late may be asked or not.
        if !settings.runsPriorityInParallel {
            lines += asked.map { one in
                "\(one.plugin) was asked \(one.payload), \(Self.text(one.context.global)), "
                    + "\(Value.object(one.context.state)), \(Value.object(one.context.metadata))"
            }
        }
        return Result(lines: lines, asked: asked.count)
    }

    private static func text(_ global: GlobalContext) -> String {
        "\(global.user ?? .null) \(Value.object(global.userContext ?? [:])) \(global.tenantID ?? "-") "
            + "\(global.contentType ?? "-") state \(Value.object(global.state)), metadata \(Value.object(global.metadata))"
    }

    private static func texts(_ steps: [PipelineStep]) -> [String] {
        steps.map { step in
            "\(step.plugin) \(step.verdict) \(step.isChanged) \(String(describing: step.violation)) "
                + "\(step.error.map { "\($0) \(Value.object($0.details))" } ?? "-") \(step.rejections)"
        }
    }

    var description: String {
        "\(hook) \(payload) deny: \(settings.defaultHookPolicy) fields: \(fields[hook] ?? ["-"]) "
            + members.map { "\($0.name) \($0.mode) \($0.priority) \($0.conditions.count)" }.joined(separator: ", ")
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { index < count ? self[index] : nil }
}

/// A plugin that is asked alone, whatever its server can do.
private struct Single: PluginInvoker {
    let inner: any PluginInvoker

    var keepsDeadlines: Bool { true }
    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer { await inner.invoke(invocation) }
    func describe(_ plugin: String) async -> Value? { await inner.describe(plugin) }
    var health: PluginHealth { get async { await inner.health } }
}

/// How many requests went to a server.
final class RequestCount: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.add(1, ordering: .relaxed) }
}

/// A plugin whose requests are counted.
struct Counting: PluginChainInvoker {
    let inner: any PluginChainInvoker
    let requests: RequestCount

    static func around(_ invoker: any PluginInvoker, _ requests: RequestCount) -> any PluginInvoker {
        guard let invoker = invoker as? any PluginChainInvoker else { return invoker }
        return Counting(inner: invoker, requests: requests)
    }

    var keepsDeadlines: Bool { true }
    var chainSeat: PluginChainSeat? { inner.chainSeat }

    func invoke(_ chain: PluginChain) async -> PluginChainAnswer? {
        let answer = await inner.invoke(chain)
        if answer != nil { requests.add() }
        return answer
    }

    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        requests.add()
        return await inner.invoke(invocation)
    }

    func describe(_ plugin: String) async -> Value? { await inner.describe(plugin) }
    var health: PluginHealth { get async { await inner.health } }
}

/// Sleeps as long as the call says, if it is called slow.
private struct SlowProbe: Plugin, ToolPreInvoke {
    struct Settings: PluginSettings {
        var name = ""
    }

    actor Begun {
        private var requests: Set<String> = []
        func insert(_ request: String) { requests.insert(request) }
        func contains(_ request: String) -> Bool { requests.contains(request) }
    }

    static let begun = Begun()

    let settings: Settings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        let id = context.global.requestID
        if settings.name == "third" { await Self.begun.insert("\(id) third") }
        guard settings.name == "slow" else { return .pass }
        await Self.begun.insert(id)
        do {
            try await Task.sleep(for: .milliseconds(call.args?["slow"]?.intValue ?? 0))
        } catch {
            await Self.begun.insert("\(id) ended")
            throw error
        }
        return .pass
    }

    static func entries(_ names: [String]) -> [PluginEntry] {
        names.map { name in
            var entry = PluginEntry(name: name, kind: "SlowProbe")
            entry.config = ["name": .string(name)]
            entry.timeout = .seconds(120)
            return entry
        }
    }

    static func pipeline(
        _ running: TransportPair.Running, _ names: [String], _ requests: RequestCount, mode: PluginMode = .enforce,
        timeout: Int = 120
    ) async throws -> Pipeline {
        var plugins: [PipelinePlugin] = []
        for (index, name) in names.enumerated() {
            var entry = PluginEntry(name: name, kind: "external")
            entry.hooks = [.toolPreInvoke]
            entry.mode = mode
            entry.timeout = .seconds(timeout)
            let invoker = index == 0 ? running.invoker : try await running.another(name)
            plugins.append(PipelinePlugin(entry, invoker: Counting.around(invoker, requests)))
        }
        return try Pipeline(PipelineConfiguration(plugins: plugins), logger: .silent)
    }
}
