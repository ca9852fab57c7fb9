// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Logging
import PluginFramework
import Synchronization
import Testing
import Values

/// Holds its thread until it is told to let go.
private struct Staller: Plugin, ToolPreInvoke {
    static let isReleased = Atomic<Bool>(false)
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        while !Self.isReleased.load(ordering: .acquiring) { usleep(10_000) }
        return .pass
    }
}

private final class Recorder: LogHandler {
    let messages = Mutex<[String]>([])
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        messages.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
}

@Suite struct HealthTests {
    @Test func aStalledThreadIsNamedInTheLogAndTurnsHealthNotServingUntilItEnds() async throws {
        let recorder = Recorder()
        var configuration = PluginHostConfiguration()
        configuration.stallLimit = .milliseconds(100)
        let host = try await PluginHost.load(
            [PluginEntry(name: "Staller-of-this-test", kind: "Staller"), PluginEntry(name: "Idle", kind: "Staller")],
            registry: PluginRegistry([Staller.self]), configuration: configuration,
            logger: Logger(label: "test", factory: { _ in recorder }))
        var updates = host.healthUpdates().makeAsyncIterator()
        do {
            let update = await updates.next()
            #expect(update?.isServing == true)
        }

        // A thread of its own: one of Swift's would be missing to the other tests.
        Thread.detachNewThread {
            _ = Task.immediate {
                await host.invoke(
                    PluginInvocation(
                        hook: .toolPreInvoke, plugin: "Staller-of-this-test", payload: ToolCall(name: "t").document,
                        context: PluginContext(global: GlobalContext(requestID: "r"))))
            }
        }
        let stalled = await updates.next()
        #expect(stalled?.isServing == false)
        #expect(stalled?.plugins == ["Staller-of-this-test": false, "Idle": true])
        Staller.isReleased.store(true, ordering: .releasing)
        do {
            let update = await updates.next()
            #expect(update?.isServing == true)
        }
        let messages = recorder.messages.withLock { $0 }
        #expect(messages.contains { $0.contains("stalls its thread") && $0.contains("Staller-of-this-test") })
        await host.shutdown()
    }

    @Test func aServerThatStopsAcceptingIsNotServing() async throws {
        let host = try await PluginHost.load(
            [PluginEntry(name: "P", kind: "Staller")], registry: PluginRegistry([Staller.self]), logger: .silent)
        #expect(host.health.isServing)
        host.stopAccepting()
        #expect(host.health == PluginHealth(isServing: false, plugins: ["P": false]))
        await host.shutdown()
    }
}
