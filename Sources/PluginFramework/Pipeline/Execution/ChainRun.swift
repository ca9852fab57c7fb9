// SPDX-License-Identifier: Apache-2.0

import Values

/// One call on its way through the chain of one hook.
struct ChainRun {
    let chain: HookChain
    let generation: PipelineGeneration
    let resources: PipelineResources

    /// What the next plugin gets.
    var payload: Document
    /// What the hook's result is so far; nil while nothing was changed.
    var change: Document?
    var request: PipelineRequest
    /// Set when the call does not go on.
    var block: PipelineBlock?
    var metadata: ValueObject = [:]
    var httpHeaders: ValueObject = [:]
    var retryDelayMilliseconds = 0
    var steps: [PipelineStep] = []
    var decisionPlugin: String?
    var inputs: ConditionInputs
    /// How many of the subjects are those of the payload that came in.
    let givenSubjects: Int
    /// The encoded forms of the payload as it is now, if they are kept.
    var encodings: PayloadEncodings?
    private var isMeasured = false

    init(
        chain: HookChain, generation: PipelineGeneration, resources: PipelineResources, payload: Document,
        request: PipelineRequest
    ) {
        self.chain = chain
        self.generation = generation
        self.resources = resources
        self.payload = payload
        self.request = request
        inputs = chain.inputs(payload: payload, global: request.global)
        if let subject = inputs.subjects.first, let subjects = request.subjects {
            inputs.subjects += subjects.otherNames(of: subject, at: chain.hook)
        }
        givenSubjects = inputs.subjects.count
    }

    mutating func run() async -> PipelineOutcome {
        for segment in chain.segments {
            switch segment {
            case .serial(let links): await runSerially(links)
            case .band(let links): await runBand(links)
            case .concurrent(let links): await runConcurrently(links)
            }
            if block != nil { break }
        }
        if !Task.isCancelled { startBackground() }
        if chain.hook == .httpAuthCheckPermission, let decisionPlugin {
            metadata[Self.decisionKey] = .string(decisionPlugin)
        }
        return PipelineOutcome(
            verdict: block.map { .blocked($0) } ?? .allowed(change: change), metadata: metadata,
            httpHeaders: httpHeaders, retryDelayMilliseconds: retryDelayMilliseconds, steps: steps)
    }

    /// The key of the metadata that is the pipeline's own.
    static let decisionKey = "_decision_plugin"

    /// Runs plugins one after the other; those that live on one server of ours together.
    private mutating func runSerially(_ links: [HookChain.Link]) async {
        var next = 0
        while next < links.count, block == nil {
            guard links[next].applies(to: inputs) else {
                next += 1
                continue
            }
            if let group = group(from: next, of: links), let after = await runTogether(group, of: links) {
                next = after
            } else {
                await runAlone(links[next])
                next += 1
            }
        }
    }

    mutating func runAlone(_ link: HookChain.Link) async {
        guard mayAsk() else { return }
        let answer = await Self.ask(link.member, invocation(for: link.member), resources)
        take(answer, from: link.member)
    }

    /// Whether plugins may be asked at all; if not, the call is blocked.
    mutating func mayAsk() -> Bool {
        guard !Task.isCancelled else {
            block = .own("the caller cancelled the call", code: PluginError.Code.cancelled)
            return false
        }
        guard !isMeasured else { return true }
        isMeasured = true
        let limit = generation.settings.maximumPayloadSize
        let measure = PayloadMeasure(payload.value, limit: limit)
        guard let complaint = measure.complaint(limit: limit) else { return true }
        let code = measure == .tooLarge ? PluginError.Code.payloadTooLarge : PluginError.Code.invalidPayload
        block = .own("the payload of \(chain.hook) \(complaint)", code: code)
        return false
    }

    // MARK: Asking

    /// What a plugin answered, and how long it took.
    struct TimedAnswer: Sendable {
        let answer: PluginAnswer
        let duration: Duration
    }

    /// What a plugin is asked: everything as it is now.
    mutating func invocation(for member: PipelineMember) -> PluginInvocation {
        let credentials = credentials(for: member)
        var invocation = PluginInvocation(
            hook: chain.hook, plugin: member.name, payload: credentials?.added(to: payload) ?? payload,
            context: context(for: member))
        // With credentials it gets what no other does.
        if credentials == nil { invocation.encodings = keptEncodings() }
        return invocation
    }

    /// What a plugin knows, as it is now.
    func context(for member: PipelineMember) -> PluginContext {
        let own = request.context(of: member.key)
        let context = PluginContext(
            ContextValues(global: request.global, state: own?.state ?? [:], metadata: own?.metadata ?? [:]))
        if let caller = request.caller { context.setCaller(caller) }
        return context
    }

    /// The client's credentials; nil for a plugin that does not get them.
    func credentials(for member: PipelineMember) -> CredentialHeaders? {
        member.entry.receivesCredentials ? CredentialHeaders(fields: request.credentials) : nil
    }

    /// Where the encoded forms of the payload are kept; nil when only one plugin could want them.
    mutating func keptEncodings() -> PayloadEncodings? {
        if encodings == nil, chain.hasSeveralRemotePlugins { encodings = PayloadEncodings() }
        return encodings
    }

    static func ask(
        _ member: PipelineMember, _ invocation: PluginInvocation, _ resources: PipelineResources
    ) async -> TimedAnswer {
        let start = ContinuousClock.now
        var invocation = invocation
        invocation.deadline = start + member.timeLimit
        let answer = await member.invoke(invocation, deadlines: resources.deadlines)
        return TimedAnswer(answer: answer, duration: ContinuousClock.now - start)
    }
}
