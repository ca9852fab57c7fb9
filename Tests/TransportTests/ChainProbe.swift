// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import PluginFramework
import Synchronization
import Values

/// Does what numbers say: the same on the same payload, context and seed, so that a chain of them can be run twice.
///
/// `seed` decides what it does of all that a plugin can do; it notes everything it was asked.
struct ChainProbe: Plugin, ToolPreInvoke, ToolPostInvoke, PromptPreFetch, HTTPPreRequest {
    struct Settings: PluginSettings {
        var name = ""
    }

    /// What a plugin was asked, in the order in which all were.
    struct Asked: Sendable, Equatable {
        let plugin: String
        let payload: Value
        let context: ContextValues
    }

    static let log = AskedLog()

    let settings: Settings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        var dice = try await begin(call.document, context)
        return try await decide(&dice, context) { dice in
            var call = call
            switch dice.below(5) {
            case 0: call.name = "tool-\(dice.below(4))"
            case 1: call.headers = ["X-\(settings.name)": .string("\(dice.below(9))")]
            case 2: call.args = nil
            default: call.args?["by-\(dice.below(3))"] = dice.value()
            }
            return call
        }
    }

    func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        var dice = try await begin(result.document, context)
        return try await decide(&dice, context) { dice in
            var result = result
            result.result = ["by": .string(settings.name), "n": dice.value()]
            return result
        }
    }

    func promptPreFetch(_ request: PromptRequest, context: PluginContext) async throws -> Verdict<PromptRequest> {
        var dice = try await begin(request.document, context)
        return try await decide(&dice, context) { dice in
            // What may not be changed is changed as well.
            var document = request.document
            document[dice.below(2) == 0 ? "prompt_id" : "extra"] = .string("other-\(dice.below(3))")
            if dice.below(2) == 0 { document["args"] = ["a": .string("\(dice.below(5))")] }
            return try? PromptRequest(document: document)
        }
    }

    func httpPreRequest(_ request: HTTPRequestHead, context: PluginContext) async throws -> Verdict<HTTPHeaderMap> {
        var dice = try await begin(request.document, context)
        return try await decide(&dice, context) { dice in
            HTTPHeaderMap([("X-\(dice.below(3))", "\(dice.below(3))"), ("Authorization", "of \(settings.name)")])
        }
    }

    /// Notes what is asked, and makes the numbers that decide what is done.
    private func begin(_ payload: Document, _ context: PluginContext) async throws -> Dice {
        let values = context.values
        await Self.log.note(
            Asked(plugin: settings.name, payload: payload.value, context: values), request: values.global.requestID)
        var seed: UInt64 = 14_695_981_039_346_656_037
        for byte in "\(settings.name)|\(payload.value)|\(values.global.state)|\(values.global.requestID.prefix(8))".utf8
        {
            seed = (seed ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return Dice(seed: seed)
    }

    private func decide<Change: HookPayload>(
        _ dice: inout Dice, _ context: PluginContext, change: (inout Dice) -> Change?
    ) async throws -> Verdict<Change> {
        if dice.below(6) == 0 { await Task.yield() }
        let (share, keep, forget) = (dice.below(4) == 0, dice.below(4) == 0, dice.below(9) == 0)
        let number = dice.below(100)
        context.update { values in
            if share { values.global.state["shared-\(number % 3)"] = .int(Int64(number)) }
            if share, number % 2 == 0 { values.global.metadata["by"] = .string(settings.name) }
            if keep { values.state["calls"] = .int((values.state["calls"]?.intValue ?? 0) + 1) }
            if keep, number % 3 == 0 { values.metadata["last"] = .int(Int64(number)) }
            // What a plugin removes stays, and what it may not change does as well.
            if forget { values.global.state = [:] }
            if forget { values.global.tenantID = "stolen" }
        }
        let metadata: ValueObject =
            dice.below(4) == 0 ? ["note-\(dice.below(2))": .string(settings.name), "_decision_plugin": "me"] : [:]
        let headers: ValueObject? =
            dice.below(4) == 0 ? ["X-Probe": .string(settings.name), "bad name": "x"] : Optional<ValueObject>.none
        let delay = dice.below(5) == 0 ? dice.below(3_000) : 0
        switch dice.below(12) {
        case 0:
            throw PluginError("it broke", pluginName: "", code: "BROKEN", details: ["n": .int(Int64(number))])
        case 1:
            return .block(
                PluginViolation(code: "NO", reason: "not this one", details: ["by": .string(settings.name)]),
                metadata: metadata, httpHeaders: headers, retryDelayMilliseconds: delay)
        case 2:
            // What cannot be sent is an error, however it travels.
            return .pass(metadata: ["number": .double(.nan)])
        case 3, 4, 5, 6:
            return .pass(change(&dice), metadata: metadata, httpHeaders: headers, retryDelayMilliseconds: delay)
        default:
            return .pass(metadata: metadata, httpHeaders: headers, retryDelayMilliseconds: delay)
        }
    }
}

/// What the plugins of each request were asked.
actor AskedLog {
    private var asked: [String: [ChainProbe.Asked]] = [:]

    func note(_ one: ChainProbe.Asked, request: String) { asked[request, default: []].append(one) }

    /// What was asked in a request, which is then forgotten.
    func take(_ request: String) -> [ChainProbe.Asked] { asked.removeValue(forKey: request) ?? [] }
}

/// Throws what decides a random chain: the same from the same seed.
struct Dice: RandomNumberGenerator {
    private var numbers: SeededGenerator

    init(seed: UInt64) { numbers = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { numbers.next() }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

    mutating func value() -> Value {
        switch below(5) {
        case 0: .int(.max)
        case 1: 1.0
        case 2: .string("ünïcode")
        case 3: ["deep": [1, nil, 0.5]]
        default: .null
        }
    }
}
