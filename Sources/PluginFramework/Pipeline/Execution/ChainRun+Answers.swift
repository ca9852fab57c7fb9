// SPDX-License-Identifier: Apache-2.0

import Logging
import Values

/// What becomes of a plugin's answer. Nothing in it is trusted: not its name, not what it may not change.
extension ChainRun {
    /// Takes an answer that was given to what is the payload now.
    ///
    /// - Parameters:
    ///   - timed: The answer.
    ///   - member: The plugin that gave it.
    ///   - seen: The global context that it was given to; nil for the one there is now.
    /// - Returns: Whether what the next plugin gets has become another.
    @discardableResult
    mutating func take(_ timed: TimedAnswer, from member: PipelineMember, seen: GlobalContext? = nil) -> Bool {
        // An answer to a caller who has left decides nothing, least of all that the plugin is to be switched off.
        guard !Task.isCancelled else {
            block = .own("the caller cancelled the call", code: PluginError.Code.cancelled)
            return false
        }
        var step = PipelineStep(plugin: member.name, verdict: .passed, duration: timed.duration)
        defer { steps.append(step) }
        switch timed.answer.outcome {
        case .failure(let error):
            fail(error, member, &step)
            return false
        case .success(let result):
            if result.isPlainPass, timed.answer.context == nil { return false }
            return take(result, timed.answer.context, seen ?? request.global, member, &step)
        }
    }

    private mutating func take(
        _ result: PluginResult, _ context: ContextValues?, _ seen: GlobalContext, _ member: PipelineMember,
        _ step: inout PipelineStep
    ) -> Bool {
        var isOther = false
        if let modified = result.modifiedPayload {
            switch decide(modified, member, &step) {
            case .unchanged:
                break
            case .changed(let next, let result):
                payload = next
                change = result
                decisionPlugin = member.name
                step.isChanged = true
                step.verdict = .changed
                isOther = true
                encodings = nil
                noteSubject()
            case .invalid(let reason) where result.continueProcessing:
                // What the plugin wanted is unknown, so it has not decided: its mode says what that means.
                fail(
                    PluginError(
                        "plugin '\(member.name)': \(reason)", pluginName: member.name,
                        code: PluginError.Code.invalidChange), member, &step)
                return false
            case .invalid(let reason):
                step.rejections.append(.init("payload", reason))
            }
        }
        if let context, take(context, seen, member) { isOther = true }
        record(result, member, &step)
        if !result.continueProcessing { judge(result.violation, member, &step) }
        report(step)
        return isOther
    }

    private func decide(
        _ modified: Document, _ member: PipelineMember, _ step: inout PipelineStep
    ) -> ChangeReview.Decision {
        guard member.role.mayChange else {
            step.rejections.append(
                .init("payload", "mode \(member.entry.mode.rawValue) may not change it; the change was dropped"))
            return .unchanged
        }
        let modified = credentials(for: member)?.removed(from: modified, at: chain.hook) ?? modified
        return chain.review.decide(modified, payload: payload, result: change, rejections: &step.rejections)
    }

    /// A condition may name what the payload is about now.
    private mutating func noteSubject() {
        guard let subject = chain.subject(of: payload) else { return }
        inputs.subjects.removeSubrange(givenSubjects...)
        if let known = inputs.subjects.first, known.hasSameBytes(as: subject) { return }
        inputs.subjects.append(subject)
        if let subjects = request.subjects { inputs.subjects += subjects.otherNames(of: subject, at: chain.hook) }
    }

    /// Keeps what is the plugin's own, and merges what it shares if its mode lets it.
    ///
    /// As in the reference, keys can be set but not removed, and nothing else of the global context can be changed.
    private mutating func take(_ context: ContextValues, _ seen: GlobalContext, _ member: PipelineMember) -> Bool {
        request.keep(.init(state: context.state, metadata: context.metadata), of: member.key)
        guard member.role.sharesState else { return false }
        return request.global.take(context.global, seen: seen)
    }

    private mutating func record(_ result: PluginResult, _ member: PipelineMember, _ step: inout PipelineStep) {
        for entry in result.metadata {
            if entry.key.hasSameBytes(as: Self.decisionKey) {
                step.rejections.append(.init("metadata.\(entry.key)", "is reserved"))
            } else {
                metadata[entry.key] = entry.value
            }
        }
        retryDelayMilliseconds = max(retryDelayMilliseconds, result.retryDelayMilliseconds)
        guard let headers = result.httpHeaders else { return }
        guard member.role.givesHeaders else {
            step.rejections.append(
                .init("http_headers", "mode \(member.entry.mode.rawValue) may not give any; they were dropped"))
            return
        }
        for name in HeaderFields.merge(headers, into: &httpHeaders) {
            step.rejections.append(.init("http_headers.\(name)", "is no header that HTTP allows; it was left out"))
        }
    }

    private mutating func judge(_ violation: PluginViolation?, _ member: PipelineMember, _ step: inout PipelineStep) {
        var violation = violation ?? PluginViolation(code: "", reason: "A plugin violation occurred.")
        violation.pluginName = member.name
        step.violation = violation
        step.verdict = member.role.mayBlock ? .blocked : .overruled
        if member.role.mayBlock { block = PipelineBlock(.violation(violation), plugin: member.name) }
    }

    // MARK: Errors

    private mutating func fail(_ error: PluginError, _ member: PipelineMember, _ step: inout PipelineStep) {
        var error = error
        error.pluginName = member.name
        step.error = error
        let blocks = generation.settings.failsOnPluginError || member.role.errorPolicy == .fail
        step.verdict = blocks ? .failed : .ignored
        if blocks { block = PipelineBlock(.error(error), plugin: member.name) }
        Self.noteFailure(error, of: member, at: chain.hook, blocks: blocks, resources)
    }

    static func noteFailure(
        _ error: PluginError, of member: PipelineMember, at hook: HookName, blocks: Bool, _ resources: PipelineResources
    ) {
        resources.logger.error(
            blocks ? "Plugin failed and blocks the call" : "Plugin failed; the call goes on",
            metadata: ["plugin": "\(member.name)", "hook": "\(hook)", "error": "\(error)"])
        if member.role.errorPolicy == .disable, member.switchOff() {
            resources.logger.error(
                "Plugin is switched off until the configuration is loaded again (on_error: disable)",
                metadata: ["plugin": "\(member.name)"])
        }
    }

    private func report(_ step: PipelineStep) {
        for rejection in step.rejections {
            resources.logger.warning(
                "Plugin wanted what it may not",
                metadata: [
                    "plugin": "\(step.plugin)", "hook": "\(chain.hook)", "key": "\(rejection.key)",
                    "reason": "\(rejection.reason)",
                ])
        }
        guard let violation = step.violation else { return }
        resources.logger.warning(
            step.verdict == .blocked
                ? "Plugin blocks the call" : "Plugin would block the call; its mode does not let it",
            metadata: [
                "plugin": "\(step.plugin)", "hook": "\(chain.hook)", "code": "\(violation.code)",
                "reason": "\(violation.reason)",
            ])
    }
}
