// SPDX-License-Identifier: Apache-2.0

import Values

/// The server's side of a chain.
extension PluginChain {
    /// What became of an answer that was handed over to be sent.
    package enum Written: Sendable {
        /// It will be sent.
        case whole
        /// It cannot be sent; an error will be in its place.
        case failed
        /// There is no room for more, or not for this one, which the caller then asks for anew.
        case last
    }

    /// Asks the plugins one after the other, each on what the ones before it left, until one ends the chain.
    ///
    /// Ends early when the task is cancelled, and when ``patience`` is over.
    ///
    /// - Parameters:
    ///   - service: What runs the plugins.
    ///   - write: Takes each answer, with how long it took, before the next plugin is asked.
    package func run(
        on service: any PluginInvoker, answering write: (Step, PluginAnswer, Duration) -> Written
    ) async {
        let start = ContinuousClock.now
        var now = start
        var baton = Baton(chain: self)
        for (index, step) in steps.enumerated() {
            if index > 0, Task.isCancelled || now - start > patience { return }
            let context = baton.context(of: step)
            if let caller { context.setCaller(caller) }
            let answer = await service.invoke(
                PluginInvocation(
                    hook: hook, plugin: step.plugin, payload: baton.payload, context: context,
                    deadline: now + step.timeLimit, startsInline: startsInline))
            let end = ContinuousClock.now
            let written = write(step, answer, end - now)
            now = end
            let goesOn =
                switch (written, answer.outcome) {
                case (.last, _): false
                case (.failed, _), (_, .failure): step.effects.contains(.goesOnAfterError)
                case (.whole, .success(let result)): baton.take(result, answer.context, from: step)
                }
            guard goesOn else { return }
        }
    }

    /// What a plugin hands on to the next one.
    ///
    /// It does what the caller does with the same answers (`ChainRun`), so that each plugin gets what the caller would send it.
    private struct Baton {
        var payload: Document
        /// The global context, once a plugin has changed it.
        private var global: GlobalContext?
        private let hook: HookName
        private let review: ChangeReview

        init(chain: PluginChain) {
            payload = chain.payload
            hook = chain.hook
            review = ChangeReview(hook: chain.hook, chain.review)
        }

        func context(of step: Step) -> PluginContext {
            guard let global else { return step.context }
            let own = step.context.values
            return PluginContext(ContextValues(global: global, state: own.state, metadata: own.metadata))
        }

        /// Takes an answer; whether the next plugin is asked.
        mutating func take(_ result: PluginResult, _ context: ContextValues?, from step: Step) -> Bool {
            if result.isPlainPass, context == nil { return true }
            if let modified = result.modifiedPayload, step.effects.contains(.changes) {
                // Whether it is one is then the caller's to say.
                guard step.effects.contains(.goesOnAfterChange) else { return false }
                var rejections: [PipelineRejection] = []
                switch review.decide(modified, payload: payload, result: nil, rejections: &rejections) {
                case .unchanged: break
                case .changed(let next, _): payload = next
                case .invalid:
                    // As an error: nothing else of the answer counts.
                    if result.continueProcessing { return step.effects.contains(.goesOnAfterError) }
                }
            }
            if let context, step.effects.contains(.sharing) {
                let seen = global ?? step.context.received.global
                var current = seen
                if current.take(context.global, seen: seen) { global = current }
            }
            return result.continueProcessing || step.effects.contains(.goesOnAfterViolation)
        }
    }
}
