// SPDX-License-Identifier: Apache-2.0

import Values

/// Plugins that run in one request on the server where they live.
extension ChainRun {
    /// Plugins that can go in one request.
    struct Group {
        /// The first one's invoker, which sends the request.
        let invoker: any PluginChainInvoker
        /// Where they stand among the links, in order.
        var places: [Int]
        /// Their names on the server.
        var names: [String]
    }

    /// The plugins from this one on that can go in one request; nil if it is the only one.
    ///
    /// Those whose conditions do not match are passed by; one that lives elsewhere, has another time limit, or gets credentials, which
    /// are in no other's payload, ends the group.
    ///
    /// A request that fails as a whole counts as a failure of the first, because nobody knows how far the server got: it is as if
    /// the server had failed a little earlier, so each policy decides what it could have had to decide. What lasts longer than the call
    /// does not follow from a guess: a plugin that one error switches off begins no group.
    func group(from start: Int, of links: [HookChain.Link]) -> Group? {
        let first = links[start].member
        guard let invoker = first.chainInvoker, !first.entry.receivesCredentials, first.role.errorPolicy != .disable,
            start + 1 < links.count, let seat = invoker.chainSeat
        else { return nil }
        var group = Group(invoker: invoker, places: [start], names: [seat.plugin])
        let timeLimit = first.timeLimit
        for place in (start + 1)..<links.count where links[place].applies(to: inputs) {
            let member = links[place].member
            guard group.places.count < PluginChain.maximumSteps, member.timeLimit == timeLimit,
                !member.entry.receivesCredentials,
                let other = member.chainInvoker?.chainSeat, other.server == seat.server
            else { break }
            group.places.append(place)
            group.names.append(other.plugin)
        }
        return group.places.count > 1 ? group : nil
    }

    /// Asks the plugins of a group with one request, and takes their answers in order as far as they hold.
    ///
    /// - Returns: From where on plugins are to be asked again; nil when nothing was sent, and the first is to be asked alone.
    mutating func runTogether(_ group: Group, of links: [HookChain.Link]) async -> Int? {
        let start = ContinuousClock.now
        guard mayAsk() else { return links.count }
        let chain = pushed(group, of: links)
        guard let answer = await group.invoker.invoke(chain) else { return nil }
        let elapsed = ContinuousClock.now - start
        var count = 0
        for (timed, step) in zip(Self.timed(answer, elapsed), chain.steps) {
            take(timed, from: links[group.places[count]].member)
            count += 1
            // What the server did beyond this is not wanted, or not what this side would have asked.
            if block != nil || !holds(after: timed, step) { break }
        }
        if count == 0 {
            // An invoker answers at least for the first: silence is no pass.
            take(Self.silence(of: links[group.places[0]].member, elapsed), from: links[group.places[0]].member)
            count = 1
        }
        return group.places[count - 1] + 1
    }

    private static func silence(of member: PipelineMember, _ elapsed: Duration) -> TimedAnswer {
        let error = PluginError(
            "the server of plugin '\(member.name)' answered a chain of plugins without an answer of any; update it",
            pluginName: member.name, code: PluginError.Code.internalError)
        return TimedAnswer(answer: PluginAnswer(plugin: member.name, outcome: .failure(error)), duration: elapsed)
    }

    private mutating func pushed(_ group: Group, of links: [HookChain.Link]) -> PluginChain {
        let steps = zip(group.places, group.names).map { place, name in
            PluginChain.Step(
                plugin: name, context: context(for: links[place].member), timeLimit: links[place].member.timeLimit,
                effects: effects(of: links[place]))
        }
        var pushed = PluginChain(
            hook: chain.hook, payload: payload, steps: steps, review: chain.review.terms,
            patience: PluginChain.patience(for: steps.first?.timeLimit ?? .zero))
        pushed.encodings = keptEncodings()
        return pushed
    }

    /// What a plugin's answer may do to those after it.
    private func effects(of link: HookChain.Link) -> PluginChain.Effects {
        let role = link.member.role
        var effects: PluginChain.Effects = []
        if role.mayChange { effects.insert(.changes) }
        if role.sharesState { effects.insert(.sharing) }
        if !link.decidesWhoFollows, chain.review.needsPayloadOnly { effects.insert(.goesOnAfterChange) }
        if !role.mayBlock { effects.insert(.goesOnAfterViolation) }
        if !generation.settings.failsOnPluginError, role.errorPolicy != .fail { effects.insert(.goesOnAfterError) }
        return effects
    }

    /// Whether what a server says of the plugins after this one can count: it was to go on after this answer.
    private func holds(after timed: TimedAnswer, _ step: PluginChain.Step) -> Bool {
        switch timed.answer.outcome {
        case .failure: step.effects.contains(.goesOnAfterError)
        case .success(let result):
            (result.modifiedPayload == nil || !step.effects.contains(.changes)
                || step.effects.contains(.goesOnAfterChange))
                && (result.continueProcessing || step.effects.contains(.goesOnAfterViolation))
        }
    }

    /// The answers with their times: those the server tells, which cannot be longer than it all took; the way there and back is
    /// the first one's.
    private static func timed(_ answer: PluginChainAnswer, _ elapsed: Duration) -> [TimedAnswer] {
        var rest = elapsed
        var timed = answer.steps.map { step in
            let duration = max(.zero, min(step.duration, rest))
            rest -= duration
            return TimedAnswer(answer: step.answer, duration: duration)
        }
        if let first = timed.first { timed[0] = TimedAnswer(answer: first.answer, duration: first.duration + rest) }
        return timed
    }
}
