// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import Values

/// Masks a word in the arguments of tools, and counts what it masked until the tool has answered.
struct Masker: Plugin, ToolPreInvoke, ToolPostInvoke {
    struct Settings: PluginSettings { var word = "secret" }
    let settings: Settings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        var call = call
        guard call.args?["text"]?.stringValue == settings.word else { return .pass }
        call.args?["text"] = "***"
        context.state["masked"] = 1
        return .pass(call)
    }

    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        .pass(metadata: ["masked": context.state["masked"] ?? 0])
    }
}

/// Lets nobody delete anything.
struct NoDeleting: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        guard call.name.hasPrefix("delete") else { return .pass }
        return .block(PluginViolation(code: "BLOCKED", reason: "No deleting", description: "\(call.name) deletes"))
    }
}

// What to run: an entry a plugin, as an element of `plugins:` in a configuration file.
var masker = PluginEntry(name: "Masker", kind: "Masker")
masker.priority = 10
masker.config = ["word": "hunter2"]
let entries = [masker, PluginEntry(name: "NoDeleting", kind: "NoDeleting")]

// The host makes the plugins and runs them one at a time; the pipeline decides which, when, and what it means.
let logger = Logger(label: "embedding")
let host = try await PluginHost.load(
    entries, registry: PluginRegistry([Masker.self, NoDeleting.self]), logger: logger)
let pipeline = try Pipeline(try await PipelineConfiguration(entries: entries, host: host), logger: logger)

// One value a request: it carries what plugins keep from the first hook to the last.
for call in [ToolCall(name: "search", args: ["text": "hunter2"]), ToolCall(name: "delete_all")] {
    var request = PipelineRequest(GlobalContext(requestID: call.name, user: "ann@example.com"))
    let before = await pipeline.run(.toolPreInvoke, call, in: &request)
    switch before.verdict {
    case .blocked(let block):
        print("\(call.name): \(block.jsonRPCError.message), status \(block.httpStatus)")
    case .allowed:
        let call = try before.payload(call)
        let answer = ToolResult(name: call.name, result: "nothing about \(call.args?["text"]?.stringValue ?? "it")")
        let after = await pipeline.run(.toolPostInvoke, answer, in: &request)
        print("\(call.name): \(try after.payload(answer).result), masked: \(after.metadata["masked"] ?? 0)")
    }
}

await pipeline.shutdown()
await host.shutdown()
