// SPDX-License-Identifier: Apache-2.0

import HTTP
import PluginFramework
import Synchronization

/// How often what happened since the gateway began, for metrics.
final class GatewayCounters: Sendable {
    /// What calls are about.
    enum Subject: Sendable { case tool, prompt, resource }

    private let toolCalls = Atomic<Int>(0)
    private let promptCalls = Atomic<Int>(0)
    private let resourceCalls = Atomic<Int>(0)
    private let blocks = Mutex<[HookName: Int]>([:])

    /// A client calls a tool, asks for a prompt, or reads a resource.
    func called(_ subject: Subject) {
        switch subject {
        case .tool: toolCalls.add(1, ordering: .relaxed)
        case .prompt: promptCalls.add(1, ordering: .relaxed)
        case .resource: resourceCalls.add(1, ordering: .relaxed)
        }
    }

    /// Plugins blocked at a hook.
    func blocked(at hook: HookName) { blocks.withLock { $0[hook, default: 0] += 1 } }

    /// Adds the numbers to metrics.
    func add(to metrics: inout PrometheusText) {
        metrics.add(
            "gatehouse_mcp_calls_total", .counter, "Calls that clients made, by what they are about.",
            [
                .init(toolCalls.load(ordering: .relaxed), [("kind", "tool")]),
                .init(promptCalls.load(ordering: .relaxed), [("kind", "prompt")]),
                .init(resourceCalls.load(ordering: .relaxed), [("kind", "resource")]),
            ])
        let blocks = blocks.withLock { $0 }.sorted { $0.key.rawValue < $1.key.rawValue }
        metrics.add(
            "gatehouse_plugin_blocks_total", .counter, "How often plugins blocked, or failed where failing blocks.",
            blocks.map { .init($0.value, [("hook", $0.key.rawValue)]) })
    }
}
