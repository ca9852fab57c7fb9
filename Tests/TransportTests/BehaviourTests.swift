// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import TransportProbe
import Values

/// What a caller may count on, whatever carries its calls.
@Suite struct BehaviourTests {
    @Test(arguments: TransportPair.all)
    func aPassIsUnchangedAndLeavesTheContextAlone(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let answer = await running.invoker.invoke(.probe("pass", ["a": 1]))
            #expect(answer.plugin == "Probe")
            #expect(answer.result == PluginResult())
            #expect(answer.context == nil)
        }
    }

    @Test(arguments: TransportPair.all)
    func changesOfPayloadAndContextArrive(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let answer = await running.invoker.invoke(.probe("change", ["a": "b"], state: ["n": 5, "kept": [true]]))
            #expect(answer.args?["a"] == "b")
            #expect(answer.args?["added"] == ["deep": [1, 2.5, true, nil, "text"]])
            #expect(answer.context?.state == ["seen": 5])
            #expect(answer.context?.metadata == ["tenant": "t-1"])
            #expect(answer.context?.global.state["echo"] == 5)
            #expect(answer.context?.global.state["kept"] == [true])
            #expect(answer.context?.global.requestID == "r-1")
        }
    }

    @Test(arguments: TransportPair.all)
    func aViolationArrivesWithAllOfIt(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let result = await running.invoker.invoke(.probe("block")).result
            #expect(result?.continueProcessing == false)
            #expect(result?.modifiedPayload == nil)
            let violation = try #require(result?.violation)
            #expect(violation.code == "NO")
            #expect(violation.reason == "not this one")
            #expect(violation.description == "ünïcode \u{1F600}")
            #expect(violation.details == ["line": 7])
            #expect(violation.mcpErrorCode == -32_001)
            #expect(violation.httpStatusCode == 422)
            #expect(violation.httpHeaders == ["Retry-After": "7"])
        }
    }

    @Test(arguments: TransportPair.all)
    func failuresOfAPluginAreErrorsOfItsCallAlone(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let reported = await running.invoker.invoke(.probe("report")).error
            #expect(reported?.message == "it broke")
            #expect(reported?.code == "BROKEN")
            #expect(reported?.details == ["why": "test"])
            #expect(reported?.mcpErrorCode == -32_050)
            let thrown = await running.invoker.invoke(.probe("throw")).error
            #expect(thrown?.code == PluginError.Code.internalError)
            #expect(thrown?.pluginName == "Probe")
            var invocation = PluginInvocation.probe("pass")
            invocation.hook = .promptPreFetch
            #expect(await running.invoker.invoke(invocation).error?.code == PluginError.Code.unknownHook)
            #expect(await running.invoker.invoke(.probe("pass")).error == nil)
        }
    }

    @Test(arguments: TransportPair.all)
    func aCallEndsAtItsDeadlineAndTheNextOneIsUntouched(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let answer = await running.invoker.invoke(
                .probe("sleep", ["ms": 600_000], deadline: .now + .milliseconds(50)))
            #expect(answer.error?.code == PluginError.Code.timeout)
            for number in 1...3 {
                #expect(
                    await running.invoker.invoke(.probe("echo", ["n": .int(Int64(number))])).args?["n"]
                        == .int(Int64(number)))
            }
        }
    }

    @Test(arguments: TransportPair.all)
    func cancellingTheCallerCancelsThePlugin(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let before = try await Self.cancellations(of: running)
            let call = Task { await running.invoker.invoke(.probe("sleep", ["ms": 600_000])) }
            try await Task.sleep(for: .milliseconds(100))
            call.cancel()
            #expect(await call.value.error?.code == PluginError.Code.cancelled)
            try await eventually("the plugin is cancelled") { try await Self.cancellations(of: running) > before }
            #expect(await running.invoker.invoke(.probe("echo", ["n": 1])).args?["n"] == 1)
        }
    }

    private static func cancellations(of running: TransportPair.Running) async throws -> Int64 {
        try #require(await running.invoker.invoke(.probe("cancelled")).args?["count"]?.intValue)
    }

    @Test(arguments: TransportPair.all)
    func callsInFlightDoNotHoldUpEachOther(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    let answer = await running.invoker.invoke(.probe("sleep", ["ms": 600_000]))
                    #expect(answer.error?.code == PluginError.Code.cancelled)
                }
                try await withThrowingTaskGroup(of: Void.self) { others in
                    for number in 0..<100 {
                        others.addTask {
                            let answer = await running.invoker.invoke(.probe("echo", ["n": .int(Int64(number))]))
                            #expect(answer.args?["n"] == .int(Int64(number)))
                        }
                    }
                    try await others.waitForAll()
                }
                tasks.cancelAll()
            }
        }
    }

    @Test(arguments: TransportPair.all)
    func largeAndDeepValuesArriveWhole(pair: TransportPair) async throws {
        var deep: Value = "bottom"
        for _ in 0..<60 { deep = ["in": deep] }
        let args: ValueObject = [
            "text": .string(String(repeating: "äöü", count: 200_000)), "deep": deep, "empty": [:], "none": nil,
        ]
        try await pair.with(ProbePlugin.self) { running in
            let answer = await running.invoker.invoke(.probe("echo", args))
            #expect(answer.args == args, "\(answer.error?.message ?? "")")
        }
    }

    @Test(arguments: TransportPair.all)
    func numbersComeBackAsTheyWereSent(pair: TransportPair) async throws {
        let args: ValueObject = ["id": .int(9_007_199_254_740_993), "whole": .double(1.0), "small": .int(-3)]
        try await pair.with(ProbePlugin.self) { running in
            let answer = await running.invoker.invoke(.probe("echo", args))
            #expect(answer.args == args)
        }
    }

    @Test(arguments: TransportPair.all)
    func thePluginsEntryIsTold(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let description = await running.invoker.describe("probe")
            #expect(description?["name"] == "Probe")
            #expect(description?["description"] == "shows what a transport carries")
            #expect(description?["hooks"] == ["tool_pre_invoke"])
            #expect(await running.invoker.describe("nobody") == Value?.none)
            #expect(await running.invoker.health.plugins["Probe"] == true)
        }
    }

    @Test(arguments: TransportPair.all.filter { $0.server == .elsewhere })
    func aServerThatIsGoneIsAnErrorOfTheCall(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let inFlight = Task { await running.invoker.invoke(.probe("sleep", ["ms": 600_000])) }
            try await Task.sleep(for: .milliseconds(100))
            await running.stopServer()
            #expect(await inFlight.value.error?.code == PluginError.Code.unavailable)
            let answer = await running.invoker.invoke(.probe("pass"))
            #expect(answer.error?.code == PluginError.Code.unavailable)
            #expect(answer.error?.details["target"] != nil)
        }
    }
    @Test(arguments: TransportPair.all.filter { $0.server == .child })
    func aProgramThatIsGoneIsAnErrorOfTheCallAndIsStartedAgain(pair: TransportPair) async throws {
        try await pair.with(ProbePlugin.self) { running in
            let inFlight = Task { await running.invoker.invoke(.probe("sleep", ["ms": 600_000])) }
            try await Task.sleep(for: .milliseconds(100))
            await running.stopServer()
            #expect(await inFlight.value.error?.code == PluginError.Code.unavailable)
            try await eventually("it is started again") {
                await running.invoker.invoke(.probe("echo", ["n": 1])).args?["n"] == 1
            }
        }
    }
}
