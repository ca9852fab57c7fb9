// SPDX-License-Identifier: Apache-2.0

import Glibc
import PluginFramework
import Values

/// Throws the framework's own error, with every field.
struct FailPlugin: Plugin, ToolPreInvoke, ToolPostInvoke {
    let settings: NoSettings

    private var failure: PluginError {
        PluginError(
            "The backend is unreachable", pluginName: "", code: "BACKEND_DOWN",
            details: ["host": "backend.example", "attempts": 3], mcpErrorCode: -32050)
    }

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> { throw failure }
    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        throw failure
    }
}

/// Throws any other error.
struct ThrowPlugin: Plugin, ToolPreInvoke, ToolPostInvoke {
    struct Boom: Error, CustomStringConvertible { let description = "boom at the plugin" }
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> { throw Boom() }
    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        throw Boom()
    }
}

/// Suspends for `args.seconds`, then returns the payload as it came.
struct SleepPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        try await Task.sleep(for: .seconds(call.seconds))
        return .pass(call)
    }
}

/// Suspends for ever, and does not heed cancellation.
struct NeverPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        return .pass
    }
}

/// Blocks its thread for `args.seconds`, and says so.
struct BlockingPlugin: Plugin, ToolPreInvoke {
    static var isBlocking: Bool { true }
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        usleep(useconds_t(call.seconds * 1_000_000))
        return .pass(call)
    }
}

/// Blocks its thread for `args.seconds`, and does not say so: its connection's event loop stalls.
struct StallPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        usleep(useconds_t(call.seconds * 1_000_000))
        return .pass(call)
    }
}

/// Brings its process down.
struct CrashPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> { abort() }
}

/// Returns a payload that is none.
struct NonsensePlugin: Plugin {
    let settings: NoSettings

    var customHooks: [HookHandler] {
        [
            HookHandler(.toolPreInvoke) { (_: ToolCall, _) in
                Verdict<AnyPayload>.pass(AnyPayload(["neither": "a name", "nor": ["arguments"]]))
            }
        ]
    }
}

extension ToolCall {
    /// `args.seconds`.
    fileprivate var seconds: Double { args?["seconds"]?.doubleValue ?? 0 }
}
