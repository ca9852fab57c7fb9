// SPDX-License-Identifier: Apache-2.0

import Values

/// All that runs at one hook, in order: made when the configuration is loaded, so that a call only walks it.
final class HookChain: Sendable {
    /// A plugin at this hook.
    struct Link: Sendable {
        let member: PipelineMember
        /// Any of them; always, if empty.
        let conditions: [CompiledCondition]
        /// Whether which plugins run after it depends on what it makes of the payload.
        var decidesWhoFollows = false

        init(member: PipelineMember, conditions: [CompiledCondition]) {
            self.member = member
            self.conditions = conditions
        }

        /// Whether the plugin is asked.
        func applies(to inputs: ConditionInputs) -> Bool {
            guard !member.isSwitchedOff else { return false }
            return conditions.isEmpty || conditions.contains { $0.matches(inputs) }
        }
    }

    /// Plugins that run in one way.
    enum Segment: Sendable {
        /// One after the other.
        case serial([Link])
        /// Side by side, with the outcome of one after the other.
        case band([Link])
        /// Side by side, all on the same payload; the first that blocks ends it.
        case concurrent([Link])
    }

    let hook: HookName
    let segments: [Segment]
    let background: [Link]
    let review: ChangeReview
    /// How many plugins there are.
    let count: Int
    /// Whether any of them receives credentials.
    let givesCredentials: Bool
    /// Whether several of them are reached over a network, so that what they get is worth keeping in encoded form.
    let hasSeveralRemotePlugins: Bool

    private let subject: HookSubject?
    private let looksAtContentType: Bool
    private let looksAtUser: Bool

    /// - Parameter links: The plugins in configured order.
    init(hook: HookName, links: [Link], review: ChangeReview, runsBandsInParallel: Bool) {
        self.hook = hook
        self.review = review
        count = links.count
        givesCredentials = links.contains { $0.member.entry.receivesCredentials }
        hasSeveralRemotePlugins = links.count { $0.member.chainInvoker != nil } > 1
        let order = links.enumerated().sorted { left, right in
            let (first, second) = (left.element.member, right.element.member)
            return (first.role.phase, first.entry.priority, left.offset)
                < (second.role.phase, second.entry.priority, right.offset)
        }.map(\.element)
        background = order.filter { $0.member.role.phase == .background }
        segments = Self.segments(of: order.filter { $0.member.role.phase != .background }, runsBandsInParallel)
        let conditions = links.flatMap(\.conditions)
        subject = conditions.contains(where: \.looksAtSubject) ? HookSubject(hook) : nil
        looksAtContentType = conditions.contains(where: \.looksAtContentType)
        looksAtUser = conditions.contains(where: \.looksAtUser)
    }

    private static func segments(of links: [Link], _ runsBandsInParallel: Bool) -> [Segment] {
        var segments: [Segment] = []
        var serial: [Link] = []
        var rest = links[...]
        while let first = rest.first {
            let isConcurrent = first.member.role.phase == .concurrent
            let band = rest.prefix { link in
                link.member.role.phase == first.member.role.phase
                    && (isConcurrent || link.member.entry.priority == first.member.entry.priority)
            }
            rest = rest.dropFirst(band.count)
            if isConcurrent || (runsBandsInParallel && band.count > 1) {
                if !serial.isEmpty { segments.append(.serial(marked(serial))) }
                serial = []
                segments.append(isConcurrent ? .concurrent(Array(band)) : .band(Array(band)))
            } else {
                serial += band
            }
        }
        if !serial.isEmpty { segments.append(.serial(marked(serial))) }
        return segments
    }

    /// Plugins one after the other, each knowing whether a condition after it looks at the payload.
    private static func marked(_ links: [Link]) -> [Link] {
        var links = links
        var isLookedAt = false
        for index in links.indices.reversed() {
            links[index].decidesWhoFollows = isLookedAt
            if links[index].conditions.contains(where: \.looksAtSubject) { isLookedAt = true }
        }
        return links
    }

    /// The plugins in the order in which they run.
    var links: [Link] {
        segments.flatMap { segment in
            switch segment {
            case .serial(let links), .band(let links), .concurrent(let links): links
            }
        } + background
    }

    /// What the conditions of this hook look at.
    func inputs(payload: Document, global: GlobalContext) -> ConditionInputs {
        var inputs = ConditionInputs(serverID: global.serverID, tenantID: global.tenantID)
        if let subject = subject(of: payload) { inputs.subjects = [subject] }
        if looksAtContentType { inputs.contentType = global.contentType.map { mediaType(of: $0) } }
        if looksAtUser { inputs.user = global.user.flatMap(Self.text(ofUser:)) }
        return inputs
    }

    /// What a payload is about, if a condition wants to know.
    func subject(of payload: Document) -> String? {
        guard let subject else { return nil }
        return payload[subject.payloadKey]?.stringValue
    }

    /// A user who is an object goes by the first of these members that is a text.
    private static func text(ofUser user: Value) -> String? {
        switch user {
        case .string(let text):
            return text
        case .object(let attributes):
            for key in ["email", "username", "user_id", "id", "sub", "name"] {
                if let text = attributes[key]?.stringValue { return text }
            }
            return nil
        default:
            return nil
        }
    }
}
