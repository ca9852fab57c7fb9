// SPDX-License-Identifier: Apache-2.0

import Values

/// Decides what of a changed payload that came back from a plugin is taken.
///
/// Nothing is left to the other side: the change is checked against the hook's result type, and what may not change is taken from
/// what was sent.
struct ChangeReview: Sendable {
    private enum Rule: Sendable {
        /// Payload and result are of one type, of which these members may change.
        case members([String])
        /// The result is a map of headers, which the next plugin finds in this member of the payload.
        case headers(in: String)
        /// The result is of a type of its own, and the payload stays.
        case result
        /// Whatever comes takes the payload's place.
        case anything
        /// Nothing is taken.
        case nothing
    }

    /// What became of a change.
    enum Decision {
        /// Nothing is different from before.
        case unchanged
        /// The payload for the next plugin, and the hook's result so far.
        case changed(payload: Document, result: Document)
        /// The change is not what it must be; why.
        case invalid(String)
    }

    private let hook: HookName
    private let rule: Rule
    private let maximumSize: Int?

    /// What the review is made of, for those who do the same elsewhere.
    let terms: PluginChain.Review

    init(hook: HookName, fields: WritableFields, settings: PipelineSettings) {
        self.init(
            hook: hook,
            PluginChain.Review(
                writableFields: fields[hook], takesUnlisted: settings.defaultHookPolicy == .allow,
                maximumSize: settings.maximumPayloadSize))
    }

    init(hook: HookName, _ terms: PluginChain.Review) {
        self.hook = hook
        self.terms = terms
        maximumSize = terms.maximumSize
        guard terms.writableFields != nil || terms.takesUnlisted else {
            rule = .nothing
            return
        }
        switch hook {
        case .httpPreRequest: rule = .headers(in: "headers")
        case .httpPostRequest: rule = .headers(in: "response_headers")
        case .httpAuthResolveUser, .httpAuthCheckPermission: rule = .result
        default: rule = terms.writableFields.map(Rule.members) ?? .anything
        }
    }

    /// Whether a change can be decided by the payload alone, without the hook's result so far.
    var needsPayloadOnly: Bool {
        switch rule {
        case .members, .anything, .nothing: true
        case .headers, .result: false
        }
    }

    /// Decides about one change.
    ///
    /// - Parameters:
    ///   - change: What the plugin sent back.
    ///   - payload: What it had been sent.
    ///   - result: The hook's result so far; nil if nobody changed anything.
    ///   - rejections: Where to note what is not taken.
    func decide(
        _ change: Document, payload: Document, result: Document?, rejections: inout [PipelineRejection]
    ) -> Decision {
        if case .nothing = rule {
            rejections.append(
                .init("payload", "default_hook_policy is deny and no field of \(hook) is listed as writable"))
            return .unchanged
        }
        // First, because comparing what is nested without end would end the process.
        if let complaint = PayloadMeasure(change.value, limit: maximumSize).complaint(limit: maximumSize) {
            return .invalid("the changed payload \(complaint)")
        }
        do throws(ValueError) {
            try hook.checkChange(change)
        } catch {
            return .invalid("the changed payload for \(hook) is invalid: \(error)")
        }
        switch rule {
        case .members(let writable):
            return merge(change, into: payload, writable: writable, &rejections)
        case .headers(let key):
            return mergeHeaders(change, into: payload, key, result, &rejections)
        case .result:
            return change == result ? .unchanged : .changed(payload: payload, result: change)
        case .anything:
            return change == payload ? .unchanged : .changed(payload: change, result: change)
        case .nothing:
            return .unchanged
        }
    }

    /// Takes the writable members; null and absent are the same, as they are to the reference's payloads.
    private func merge(
        _ change: Document, into payload: Document, writable: [String], _ rejections: inout [PipelineRejection]
    ) -> Decision {
        guard let new = change.value.objectValue, let old = payload.value.objectValue else {
            return .invalid("the changed payload for \(hook) must be an object; return the whole payload")
        }
        var merged = old
        var isChanged = false
        var isWhole = true
        func take(_ value: Value, _ key: String) {
            if writable.contains(where: { $0.hasSameBytes(as: key) }) {
                merged[key] = value
                isChanged = true
            } else {
                rejections.append(.init("payload.\(key)", "may not be changed at \(hook); the value before was kept"))
                isWhole = false
            }
        }
        for member in new where old[member.key, default: .null] != member.value {
            take(member.value, member.key)
        }
        for member in old where !member.value.isNull && !new.contains(member.key) {
            isWhole = false
            take(.null, member.key)
        }
        guard isChanged else { return .unchanged }
        // What the plugin sent keeps its encoded form; a mixture of both has none.
        let document = isWhole ? change : Document(object: merged)
        return .changed(payload: document, result: document)
    }

    private func mergeHeaders(
        _ change: Document, into payload: Document, _ key: String, _ result: Document?,
        _ rejections: inout [PipelineRejection]
    ) -> Decision {
        let before = payload[key]?.objectValue ?? [:]
        var headers = before
        var merged = result?.value.objectValue ?? [:]
        let mergedBefore = merged
        let given = change.value.objectValue ?? [:]
        _ = HeaderFields.merge(given, into: &headers)
        for name in HeaderFields.merge(given, into: &merged) {
            rejections.append(.init("payload.\(name)", "is no header that HTTP allows; it was left out"))
        }
        guard merged != mergedBefore else { return .unchanged }
        var next = payload
        if headers != before { next[key] = .object(headers) }
        return .changed(payload: next, result: Document(object: merged))
    }
}
