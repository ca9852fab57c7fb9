// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Synchronization
import Testing
import Values

@testable import PluginFramework

/// Holds its thread until the test lets go.
private struct Holder: Plugin, ToolPreInvoke {
    static let isReleased = Atomic<Bool>(false)
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        while !Self.isReleased.load(ordering: .acquiring) { usleep(5_000) }
        return .pass
    }
}

/// As ``Holder``, and says that it blocks.
private struct BlockingHolder: Plugin, ToolPreInvoke {
    static var isBlocking: Bool { true }
    static let isReleased = Atomic<Bool>(false)
    static let begun = Atomic<Int>(0)
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        Self.begun.add(1, ordering: .relaxed)
        while !Self.isReleased.load(ordering: .acquiring) { usleep(5_000) }
        return .pass
    }
}

private struct Suspender: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        try await Task.sleep(for: .milliseconds(1))
        return .pass
    }
}

private struct Never: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Swift.Never>) in }
        return .pass
    }
}

/// What one plugin does to the threads must not reach the others.
@Suite(.serialized) struct IsolationTests {
    private func host() async throws -> PluginHost {
        var configuration = PluginHostConfiguration()
        var never = PluginEntry(name: "Never", kind: "Never")
        never.timeout = .milliseconds(300)
        configuration.stallLimit = .milliseconds(100)
        return try await PluginHost.load(
            [
                PluginEntry(name: "Holder", kind: "Holder"), PluginEntry(name: "Suspender", kind: "Suspender"),
                PluginEntry(name: "BlockingHolder", kind: "BlockingHolder"), never,
            ],
            registry: PluginRegistry([Holder.self, Suspender.self, BlockingHolder.self, Never.self]),
            configuration: configuration, logger: .silent)
    }

    private func invoke(_ host: PluginHost, _ plugin: String, inline: Bool = true) async -> PluginAnswer {
        await host.invoke(
            PluginInvocation(
                hook: .toolPreInvoke, plugin: plugin, payload: ToolCall(name: "t").document,
                context: PluginContext(global: GlobalContext(requestID: "r")), startsInline: inline))
    }

    private func passes(_ answer: PluginAnswer) -> Bool { (try? answer.outcome.get())?.isPlainPass == true }

    @Test func callsThatDoNotStartInlineHoldNoneOfSwiftsThreads() async throws {
        let host = try await host()
        // As many as there are threads in Swift's pool, and more.
        let holding = (0..<8).map { _ in Task { await invoke(host, "Holder", inline: false) } }
        let never = await invoke(host, "Never").outcome
        let error = #expect(throws: PluginError.self) { try never.get() }
        #expect(error?.code == "TIMEOUT")
        let suspended = await invoke(host, "Suspender")
        #expect(passes(suspended))
        // The watch sees them although they never suspend.
        while host.health.isServing { try await Task.sleep(for: .milliseconds(10)) }
        #expect(host.health.plugins["Holder"] == false)
        #expect(host.health.plugins["Suspender"] == true)
        Holder.isReleased.store(true, ordering: .releasing)
        for call in holding { _ = await call.value }
        await host.shutdown()
    }

    @Test func aBlockingPluginLeavesThreadsToTheOthersAndGivenUpCallsNeverBegin() async throws {
        let host = try await host()
        let threads = PluginThreadPool.blocking.maximumThreads
        let calls = (0..<threads * 2).map { _ in Task { await invoke(host, "BlockingHolder") } }
        while BlockingHolder.begun.load(ordering: .relaxed) < threads / 2 {
            try await Task.sleep(for: .milliseconds(5))
        }
        let suspended = await invoke(host, "Suspender")
        #expect(passes(suspended))
        for call in calls { call.cancel() }
        for call in calls { _ = await call.value }
        BlockingHolder.isReleased.store(true, ordering: .releasing)
        let last = await invoke(host, "BlockingHolder")
        #expect(passes(last))
        // Those that held a thread when they were cancelled, and the last one.
        #expect(BlockingHolder.begun.load(ordering: .relaxed) == threads / 2 + 1)
        await host.shutdown()
    }

    @Test func aPluginIsAskedOnlyAtTheHooksItsEntryLists() async throws {
        struct Both: Plugin, ToolPreInvoke, PromptPreFetch {
            let settings: NoSettings
            func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> { .pass }
            func promptPreFetch(
                _ request: PromptRequest, context: PluginContext
            ) async throws -> Verdict<PromptRequest> { .pass }
        }
        var entry = PluginEntry(name: "Both", kind: "Both")
        entry.hooks = [.toolPreInvoke]
        let host = try await PluginHost.load([entry], registry: PluginRegistry([Both.self]), logger: .silent)
        let listed = await invoke(host, "Both")
        #expect(passes(listed))
        let answer = await host.invoke(
            PluginInvocation(
                hook: .promptPreFetch, plugin: "Both", payload: PromptRequest(promptID: "p").document,
                context: PluginContext(global: GlobalContext(requestID: "r"))))
        let error = #expect(throws: PluginError.self) { try answer.outcome.get() }
        #expect(error?.code == "HOOK_NOT_FOUND")
        await host.shutdown()
    }

    @Test func readingTheContextWhileChangingItIsNoFault() {
        let context = PluginContext(global: GlobalContext(requestID: "r"))
        context.update { values in
            values.state["id"] = .string(context.global.requestID)
            context.metadata["lost"] = true
        }
        #expect(context.state == ["id": "r"])
        #expect(context.metadata == [:])
    }

    @Test func changesFromManyTasksAllCount() async {
        let context = PluginContext(global: GlobalContext(requestID: "r"))
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<50 {
                tasks.addTask {
                    for _ in 0..<100 { context.update { $0.state["n"] = .int(($0.state["n"]?.intValue ?? 0) + 1) } }
                }
            }
        }
        #expect(context.state["n"] == 5_000)
    }

    @Test func aQueueThatNeverEmptiesStaysSmall() {
        final class Token {}
        var queue = FIFOQueue<Token>()
        var last: [() -> Token?] = []
        for number in 0..<10_000 {
            let token = Token()
            if number % 1_000 == 0 { last.append { [weak token] in token } }
            queue.append(token)
            if number >= 10 { _ = queue.popFirst() }
        }
        #expect(queue.count == 10)
        #expect(last.dropLast().allSatisfy { $0() == nil })
        for _ in 0..<10 { _ = queue.popFirst() }
        #expect(queue.popFirst() == nil)
    }
}
