// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// Reports as what kind of number each argument arrived: `int` or `double`.
struct NumbersPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        let kinds = (call.args ?? [:]).map { member -> (String, Value) in
            if case .int = member.value { return (member.key, "int") }
            return (member.key, "double")
        }
        return .pass(call, metadata: ["kinds": .object(ValueObject(kinds))])
    }
}

/// Answers with a text of `result.bytes` bytes.
struct LargePlugin: Plugin, ToolPostInvoke {
    let settings: NoSettings

    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        var result = result
        let bytes = Int(result.result["bytes"]?.intValue ?? 0)
        result.result = .string(String(repeating: "0123456789abcdef", count: bytes / 16))
        return .pass(result)
    }
}

/// Serves the custom hook `document_review`.
struct ReviewPlugin: Plugin {
    let settings: NoSettings

    var customHooks: [HookHandler] {
        [
            HookHandler("document_review") { (payload: AnyPayload, _) in
                let title = payload.document["title"]?.stringValue ?? ""
                let score = payload.document["score"]?.intValue ?? 0
                return Verdict<AnyPayload>.pass(
                    AnyPayload(["title": .string(title.uppercased()), "score": .int(score + 1)]))
            }
        ]
    }
}
