// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Values

/// One step of a call, with what it needs prepared beforehand.
struct Scenario: Sendable {
    /// What the step is called in `Benchmarks/budgets.json`.
    let name: String
    /// Makes what the step works on; the step itself fails when its outcome is not what it should be.
    let prepare: @Sendable () async throws -> (@Sendable () async throws -> Void)

    static let all = wire + json + plugins + chain + servers + gateway
}

/// A step whose outcome is wrong: its counts would mean nothing.
struct WrongOutcome: Error, CustomStringConvertible {
    let description: String
}

func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    guard holds else { throw WrongOutcome(description: what()) }
}

// MARK: Values that steps work on

/// What a gateway sends for an ordinary tool call; about 600 bytes encoded.
enum Sample {
    static let payload: Value = [
        "name": "search_documents",
        "args": [
            "query": "quarterly report 2026", "limit": 25, "filters": ["lang": "en", "tags": ["a", "b"]],
        ],
        "headers": ["authorization": "Bearer 0123456789abcdef", "x-request-id": "8f14e45f-ceea-467f-a0e6"],
    ]

    static let context = ContextValues(
        global: GlobalContext(
            requestID: "3c59dc04-8e88-4a5c-9d38-7b0a1c2f9e11", user: "ada@example.com", tenantID: "tenant-1",
            serverID: "server-1",
            metadata: ["gateway": ["name": "main", "version": 2], "tool": ["owner": "docs"]]),
        state: ["seen": true, "count": 3], metadata: ["note": "an ordinary call"])

    static var request: InvokeHookRequest {
        InvokeHookRequest(
            hookType: HookName.toolPreInvoke.rawValue, pluginName: "NoOp", payload: Document(payload),
            context: PluginContext(context))
    }
}

/// Lets everything pass without looking at it.
struct NoOpPlugin: Plugin {
    let settings: NoSettings

    var customHooks: [HookHandler] {
        [HookHandler(.toolPreInvoke) { (_: AnyPayload, _) in Verdict<AnyPayload>.pass }]
    }
}
