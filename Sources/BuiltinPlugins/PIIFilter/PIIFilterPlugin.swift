// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import PluginFramework
internal import Values

/// Finds personal data in prompts, tool arguments and tool results, and masks it or blocks the call.
///
/// All strings of the arguments, of the result or of the rendered messages are looked at, however deep they are nested;
/// the key under which a string stands counts as its label (`"ssn": "123456789"`). A whole number that is a card number,
/// or a value that its key labels, becomes the masked text. Keys are looked at, and count for blocking, but stay as they
/// are: a renamed key would be another argument. JSON within a string is text like any other.
public struct PIIFilterPlugin: Plugin {
    /// The kind.
    public static let kind = "PIIFilterPlugin"
    /// ContextForge's path of the plugin that this one replaces, and a short form.
    public static let kindAliases = [
        "pii_filter", "plugins.pii_filter.pii_filter.PIIFilterPlugin", "cpex_pii_filter.PIIFilterPlugin",
        "cpex_pii_filter.pii_filter.PIIFilterPlugin",
    ]

    let settings: PIIFilterSettings
    let detector: PIIDetector
    private let walker: ValueWalker
    private let logger: Logger

    /// - Throws: `SettingsError` that names the key and what to write there.
    public init(settings: PIIFilterSettings) throws {
        try self.init(settings: settings, logger: Logger(label: "gatehouse.plugins.pii_filter"))
    }

    init(settings: PIIFilterSettings, logger: Logger) throws {
        self.logger = logger
        self.settings = settings
        detector = try Self.detector(settings)
        try Self.requirePositive(settings.maxTextBytes, "max_text_bytes")
        try Self.requirePositive(settings.maxNestedDepth, "max_nested_depth")
        try Self.requirePositive(settings.maxCollectionItems, "max_collection_items")
        walker = ValueWalker(limits: .init(depth: settings.maxNestedDepth, items: settings.maxCollectionItems))
    }

    /// What a call did: what was found where, and the state that its masks share.
    struct Pass {
        var budget = MatchBudget()
        var masker: PIIMasker
        var counts: [PIIType: Int] = [:]
        var fields: [String] = []
        /// How much of what was found is in keys, which are not masked.
        var inKeys = 0

        var total: Int { counts.values.reduce(0, +) }
        var typeNames: [String] { counts.keys.map(\.rawValue).sorted() }
    }

    /// One hook: where its text is and how ContextForge names what is found there.
    private struct Stage {
        let hook: String
        let root: String
        let code: String
        let subject: String

        static let promptPre = Stage(
            hook: "prompt_pre_fetch", root: "args", code: "PII_DETECTED", subject: "prompt arguments")
        static let promptPost = Stage(
            hook: "prompt_post_fetch", root: "result", code: "PII_DETECTED_IN_PROMPT_RESULT", subject: "prompt messages"
        )
        static let toolPre = Stage(
            hook: "tool_pre_invoke", root: "args", code: "PII_DETECTED_IN_TOOL_ARGS", subject: "tool arguments")
        static let toolPost = Stage(
            hook: "tool_post_invoke", root: "result", code: "PII_DETECTED_IN_TOOL_RESULT", subject: "tool result")
    }

    /// The value masked (nil when nothing was found in it), and the pass that did it.
    private func filter(_ value: Value, _ stage: Stage) throws -> (Value?, Pass) {
        var pass = Pass(masker: PIIMasker(redactionText: settings.redactionText))
        var path = ValueWalker.Path(stage.root)
        let masked = try walker.rewrite(
            value, at: &path,
            visitor: .init(
                string: { try mask($0, at: $1, &pass) }, number: { try mask(number: $0, at: $1, &pass) },
                key: { try look(atKey: $0, of: $1, &pass) }))
        if settings.logDetections, pass.total > 0 { log(pass, stage) }
        return (masked, pass)
    }

    /// How many places a record names: a result of a million rows must not make a record of a million places.
    static let fieldLimit = 100

    private func log(_ pass: Pass, _ stage: Stage) {
        let counts = pass.counts.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", ")
        let keys = pass.inKeys > 0 && !settings.blockOnDetection ? "; not masked, in keys: \(pass.inKeys)" : ""
        logger.warning(
            "personal data in \(stage.subject) \(settings.blockOnDetection ? "blocked" : "masked"): \(counts)\(keys)")
    }

    private func verdict<Payload: HookPayload>(
        _ pass: Pass, _ stage: Stage, _ context: PluginContext, changed: () -> Payload?
    ) -> Verdict<Payload> {
        guard pass.total > 0 else { return .pass }
        let types = Value.array(pass.typeNames.map(Value.string))
        var metadata: ValueObject = [:]
        if settings.includeDetectionDetails {
            record(pass, stage, types, in: context)
            metadata["pii_filter"] = [
                "total_detections": .int(Int64(pass.total)),
                "total_masked": .int(settings.blockOnDetection ? 0 : Int64(pass.total - pass.inKeys)),
                "detection_types": types, "stage": .string(stage.hook),
            ]
        }
        guard settings.blockOnDetection else { return .pass(changed(), metadata: metadata) }
        var details: ValueObject = [:]
        if settings.includeDetectionDetails {
            details = ["detected_types": types, "count": .int(Int64(pass.total)), "fields": Self.fields(pass)]
        }
        let violation = PluginViolation(
            code: stage.code, reason: "PII detected in \(stage.subject)",
            description: "Sensitive information detected in \(stage.subject); remove it and try again", details: details
        )
        return .block(violation, metadata: metadata)
    }

    /// Leaves what was found, never the values, where ContextForge's own filter leaves it.
    private func record(_ pass: Pass, _ stage: Stage, _ types: Value, in context: PluginContext) {
        let entry: Value = [
            "detected": true, "fields": Self.fields(pass), "types": types, "total_count": .int(Int64(pass.total)),
        ]
        context.update { values in
            var stages = values.metadata["pii_detections"]?.objectValue ?? [:]
            stages[stage.hook] = entry
            values.metadata["pii_detections"] = .object(stages)
        }
    }

    private static func fields(_ pass: Pass) -> Value { .array(pass.fields.map(Value.string)) }
}

extension PIIFilterPlugin: PromptPreFetch, PromptPostFetch, ToolPreInvoke, ToolPostInvoke {
    /// Looks at the arguments.
    public func promptPreFetch(
        _ request: PromptRequest, context: PluginContext
    ) async throws -> Verdict<PromptRequest> {
        guard let args = request.args else { return .pass }
        let (masked, pass) = try filter(.object(args), .promptPre)
        return verdict(pass, .promptPre, context) {
            guard let masked else { return nil }
            var changed = request
            changed.args = masked.objectValue
            return changed
        }
    }

    /// Looks at the whole result: the messages and the description.
    public func promptPostFetch(
        _ response: PromptResponse, context: PluginContext
    ) async throws -> Verdict<PromptResponse> {
        let result = response.result
        let (masked, pass) = try filter(.object(result), .promptPost)
        return verdict(pass, .promptPost, context) {
            guard let masked else { return nil }
            var changed = response
            changed.result = masked.objectValue ?? result
            return changed
        }
    }

    /// Looks at the arguments; headers are not personal data of the call and stay as they are.
    public func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        guard let args = call.args else { return .pass }
        let (masked, pass) = try filter(.object(args), .toolPre)
        return verdict(pass, .toolPre, context) {
            guard let masked else { return nil }
            var changed = call
            changed.args = masked.objectValue
            return changed
        }
    }

    /// Looks at the whole result: MCP content items, structured content, or whatever it is.
    public func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        let value = result.result
        let (masked, pass) = try filter(value, .toolPost)
        return verdict(pass, .toolPost, context) {
            guard let masked else { return nil }
            var changed = result
            changed.result = masked
            return changed
        }
    }
}
