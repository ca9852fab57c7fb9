// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import Values

/// One plugin of the host: its entry, and, unless it is disabled, the instance with its handlers.
final class HostedPlugin: Sendable {
    let entry: PluginEntry
    let plugin: (any Plugin)?
    let handlers: [HookHandler]
    let executor: PluginExecutor
    /// Calls that were given up and have not returned yet.
    let abandonedCalls = Atomic<Int>(0)
    private let timeLimit: Duration
    private let maximumAbandonedCalls: Int
    private let logger: Logger

    init(entry: PluginEntry, plugin: (any Plugin)?, configuration: PluginHostConfiguration, logger: Logger) {
        self.entry = entry
        self.plugin = plugin
        // As in ContextForge a plugin is asked only at the hooks that its entry lists.
        handlers = (plugin?.handlers ?? []).filter { entry.hooks.isEmpty || entry.hooks.contains($0.hook) }
        executor = PluginExecutor(
            pluginName: entry.name, mayBlock: plugin.map { type(of: $0).isBlocking } ?? false)
        timeLimit = entry.timeout ?? configuration.timeLimit
        maximumAbandonedCalls = configuration.maximumAbandonedCalls
        var logger = logger
        logger[metadataKey: "plugin"] = "\(entry.name)"
        self.logger = logger
    }

    /// Runs one hook under the plugin's time limit.
    func invoke(_ invocation: PluginInvocation, deadlines: DeadlineQueue) async -> PluginAnswer {
        guard plugin != nil else {
            return failure(
                "plugin '\(entry.name)' is disabled; set its mode to enforce, enforce_ignore_error or permissive",
                PluginError.Code.disabled)
        }
        guard let handler = handlers.first(where: { $0.hook == invocation.hook }) else {
            let known = handlers.map(\.hook.rawValue).joined(separator: ", ")
            return failure(
                "plugin '\(entry.name)' does not listen to hook '\(invocation.hook)'; it listens to \(known)",
                PluginError.Code.unknownHook)
        }
        guard abandonedCalls.load(ordering: .relaxed) < maximumAbandonedCalls else {
            return failure(
                "\(maximumAbandonedCalls) calls of plugin '\(entry.name)' were given up and still run; try again later, or, if the plugin "
                    + "never returns, mend it and restart the server", PluginError.Code.exhausted)
        }

        let call = AbandonableCall<PluginAnswer>()
        let task = executor.start(inline: invocation.startsInline) {
            // Given up while it waited for a thread: nobody wants it any more.
            guard call.begin() else { return }
            let answer = await self.run(handler, invocation)
            if !call.finish(answer) { self.abandonedCalls.subtract(1, ordering: .relaxed) }
        }
        if let answer = call.answerIfFinished { return answer }
        call.attach(task)
        let ownDeadline = ContinuousClock.now + timeLimit
        let deadline = min(ownDeadline, invocation.deadline ?? ownDeadline)
        let ticket = deadlines.add(deadline) {
            self.expire(call, hook: invocation.hook, isOwn: deadline == ownDeadline)
        }
        defer { deadlines.remove(ticket) }
        return await withTaskCancellationHandler {
            await call.answer()
        } onCancel: {
            abandon(
                call,
                with: failure("the caller cancelled the call of plugin '\(entry.name)'", PluginError.Code.cancelled))
        }
    }

    private func expire(_ call: AbandonableCall<PluginAnswer>, hook: HookName, isOwn: Bool) {
        let limit = isOwn ? "its time limit of \(timeLimit.secondsDescription)" : "its caller waits"
        let message =
            "plugin '\(entry.name)' took longer than \(limit) at hook '\(hook)'; "
            + "raise plugin_settings.plugin_timeout, or timeout of its entry, if it needs more"
        if abandon(call, with: failure(message, PluginError.Code.timeout)) {
            logger.warning("Plugin exceeded its time limit", metadata: ["hook": "\(hook)", "limit": "\(limit)"])
        }
    }

    /// Gives a call up; false if it was over already.
    @discardableResult
    private func abandon(_ call: AbandonableCall<PluginAnswer>, with answer: PluginAnswer) -> Bool {
        // The plugin's return takes it back, perhaps before this: the count may be below zero for a moment.
        call.abandon(with: answer) { abandonedCalls.add(1, ordering: .relaxed) }
    }

    private func run(_ handler: HookHandler, _ invocation: PluginInvocation) async -> PluginAnswer {
        do {
            let result = try await handler.run(invocation.payload, invocation.context)
            return PluginAnswer(plugin: entry.name, outcome: .success(result), context: invocation.context.changes)
        } catch var error as PluginError {
            if error.pluginName.isEmpty { error.pluginName = entry.name }
            logger.warning("Plugin reported an error", metadata: ["hook": "\(invocation.hook)", "error": "\(error)"])
            return PluginAnswer(plugin: entry.name, outcome: .failure(error))
        } catch let error as InvalidPayload {
            return failure("\(error)", PluginError.Code.invalidPayload)
        } catch is CancellationError where Task.isCancelled {
            return failure("the call of plugin '\(entry.name)' was cancelled", PluginError.Code.cancelled)
        } catch {
            logger.error("Plugin failed", metadata: ["hook": "\(invocation.hook)", "error": "\(error)"])
            return failure("plugin '\(entry.name)' failed: \(error)", PluginError.Code.internalError)
        }
    }

    private func failure(_ message: String, _ code: String) -> PluginAnswer {
        PluginAnswer(
            plugin: entry.name, outcome: .failure(PluginError(message, pluginName: entry.name, code: code)))
    }
}
