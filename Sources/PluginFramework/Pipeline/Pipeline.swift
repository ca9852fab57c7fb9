// SPDX-License-Identifier: Apache-2.0

public import Logging
import Synchronization
public import Values

/// The chain of plugins around every call: picks the plugins of a hook that are on and whose conditions match, asks them in order,
/// and puts together what they say.
///
/// ```swift
/// var request = PipelineRequest(GlobalContext(requestID: "1"))
/// let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "search"), in: &request)
/// ```
///
/// It fails closed: what no plugin decided, because it failed, took too long or is not there, passes only if the plugin's mode says
/// so. The configuration can be replaced at any time; requests that have begun keep the one they began with.
public final class Pipeline: Sendable {
    private let generation: Mutex<PipelineGeneration>
    private let isShutDown = Atomic<Bool>(false)
    private let resources: PipelineResources

    /// Makes a pipeline.
    ///
    /// - Throws: ``PluginLoadError`` with everything that is wrong in the configuration: a condition that can never match, a
    ///   pattern that does not compile, a name given twice.
    public init(_ configuration: PipelineConfiguration, logger: Logger) throws(PluginLoadError) {
        generation = Mutex(try PipelineGeneration(configuration))
        resources = PipelineResources(logger: logger)
    }

    /// Puts another configuration in place of this one; calls that have begun end with the one they began with.
    ///
    /// All of its plugins are on, also those that an error had switched off (`on_error: disable`).
    ///
    /// - Throws: ``PluginLoadError`` with everything that is wrong in it; the one in place stays.
    public func replace(with configuration: PipelineConfiguration) throws(PluginLoadError) {
        put(try PipelineGeneration(configuration))
    }

    /// Does the same for the configuration that is in place, of whose plugins something else has become known.
    ///
    /// A plugin that was switched off stays so if its entry is that of before, even when the call whose error
    /// switches it off ends only afterwards.
    ///
    /// - Throws: ``PluginLoadError`` with everything that is wrong in it; the one in place stays.
    package func renew(with configuration: PipelineConfiguration) throws(PluginLoadError) {
        put(try PipelineGeneration(configuration, keepingSwitchedOff: current))
    }

    private func put(_ new: PipelineGeneration) {
        let old = generation.withLock { generation in
            let old = generation
            generation = new
            return old
        }
        // Outside the lock: if this is its last holder, it ends here.
        old.retire()
    }

    /// Whether any plugin may be asked at a hook: if not, its payload need not be built.
    public func listens(to hook: HookName) -> Bool {
        current.chain(for: hook) != nil
    }

    /// Whether any plugin may be asked at a hook of a request that has begun.
    public func listens(to hook: HookName, in request: PipelineRequest) -> Bool {
        (request.generation ?? current).chain(for: hook) != nil
    }

    /// Whether any plugin at a hook is to see the client's headers that carry secrets.
    package func givesCredentials(at hook: HookName, in request: PipelineRequest) -> Bool {
        (request.generation ?? current).chain(for: hook)?.givesCredentials ?? false
    }

    /// The plugins of a hook in the order in which they run, whether or not their conditions match.
    public func plugins(at hook: HookName) -> [PluginEntry] {
        current.chain(for: hook)?.links.map(\.member.entry) ?? []
    }

    /// How many calls of `fire_and_forget` plugins are running.
    public var backgroundCallCount: Int { resources.background.count }

    private var current: PipelineGeneration { generation.withLock { $0 } }

    // MARK: Running

    /// Runs the plugins of a hook.
    ///
    /// Cancelling the task that calls cancels all that runs for it; the call is then blocked.
    ///
    /// - Parameters:
    ///   - hook: The hook.
    ///   - payload: What the hook is about.
    ///   - request: The request; it takes what plugins leave for others and for themselves.
    public func run(
        _ hook: HookName, _ payload: Document, in request: inout PipelineRequest
    ) async -> PipelineOutcome {
        guard !isShutDown.load(ordering: .relaxed) else {
            return PipelineOutcome(
                verdict: .blocked(
                    .own("the pipeline was shut down; send the call again later", code: PluginError.Code.shutDown)))
        }
        let generation = request.generation ?? current
        request.generation = generation
        guard let chain = generation.chain(for: hook) else { return .unchanged }
        var run = ChainRun(
            chain: chain, generation: generation, resources: resources, payload: payload, request: request)
        let outcome = await run.run()
        request = run.request
        return outcome
    }

    /// Runs the plugins of a hook on a typed payload.
    public func run(
        _ hook: HookName, _ payload: some HookPayload, in request: inout PipelineRequest
    ) async -> PipelineOutcome {
        await run(hook, payload.document, in: &request)
    }

    /// Runs the plugins of a hook on a payload as JSON text.
    ///
    /// What two readers could understand differently is refused before any plugin sees it: keys that occur twice, text that is
    /// not UTF-8. The text is not looked at when no plugin listens to the hook.
    public func run(
        _ hook: HookName, json text: some Collection<UInt8>, in request: inout PipelineRequest
    ) async -> PipelineOutcome {
        guard listens(to: hook, in: request) else { return .unchanged }
        let limit = (request.generation ?? current).settings.maximumPayloadSize
        if let limit, text.count > limit {
            let complaint = PayloadMeasure.tooLarge.complaint(limit: limit) ?? ""
            return PipelineOutcome(
                verdict: .blocked(
                    .own("the payload of \(hook) \(complaint)", code: PluginError.Code.payloadTooLarge)))
        }
        do throws(ValueError) {
            return await run(hook, Document(try JSONParser.decode(text)), in: &request)
        } catch {
            return PipelineOutcome(
                verdict: .blocked(
                    .own("the payload of \(hook) cannot be read: \(error)", code: PluginError.Code.invalidPayload)))
        }
    }

    /// Takes no more calls, and returns when the calls of `fire_and_forget` plugins have ended, each within its time limit.
    ///
    /// Cancelling the task that calls cancels them. The plugins themselves belong to their hosts.
    public func shutdown() async {
        isShutDown.store(true, ordering: .relaxed)
        await resources.background.close()
    }
}

/// What the calls of a pipeline share, whatever its configuration.
final class PipelineResources: Sendable {
    let deadlines = DeadlineQueue()
    let background = BackgroundCalls()
    let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }
}
