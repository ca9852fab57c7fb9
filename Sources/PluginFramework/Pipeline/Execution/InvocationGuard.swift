// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Values

/// Keeps a plugin's time limit on the caller's side: an invoker that does not return in time is given up.
final class InvocationGuard: Sendable {
    /// How many calls may be given up and not have returned before further ones are refused; they cannot be ended, only left.
    private static let maximumAbandoned = 1_000

    private let plugin: String
    private let limit: Duration
    private let abandoned = Atomic<Int>(0)

    init(plugin: String, limit: Duration) {
        self.plugin = plugin
        self.limit = limit
    }

    func invoke(
        _ invocation: PluginInvocation, _ invoker: any PluginInvoker, _ deadlines: DeadlineQueue
    ) async -> PluginAnswer {
        guard abandoned.load(ordering: .relaxed) < Self.maximumAbandoned else {
            return failure(
                "\(Self.maximumAbandoned) calls of plugin '\(plugin)' are beyond their time limit and have not returned; "
                    + "mend the plugin or its server", PluginError.Code.exhausted)
        }
        let call = AbandonableCall<PluginAnswer>()
        // Not a child task: a parent awaits its children, and this one may never return. It is cancelled when it is given up.
        // It starts on this thread, so that an invoker which need not wait costs no other one.
        let task = Task.immediate {
            guard call.begin() else { return }
            let answer = await invoker.invoke(invocation)
            if !call.finish(answer) { self.abandoned.subtract(1, ordering: .relaxed) }
        }
        if let answer = call.answerIfFinished { return answer }
        call.attach(task)
        let ticket = deadlines.add(invocation.deadline ?? .now + limit) {
            self.abandon(
                call,
                self.failure(
                    "plugin '\(self.plugin)' took longer than its time limit of \(self.limit.secondsDescription) at hook "
                        + "'\(invocation.hook)'; raise plugin_settings.plugin_timeout, or timeout of its entry, if it needs more",
                    PluginError.Code.timeout))
        }
        defer { deadlines.remove(ticket) }
        return await withTaskCancellationHandler {
            await call.answer()
        } onCancel: {
            abandon(call, failure("the caller cancelled the call of plugin '\(plugin)'", PluginError.Code.cancelled))
        }
    }

    private func abandon(_ call: AbandonableCall<PluginAnswer>, _ answer: PluginAnswer) {
        // The invoker's return takes it back, perhaps before this: the count may be below zero for a moment.
        call.abandon(with: answer) { abandoned.add(1, ordering: .relaxed) }
    }

    private func failure(_ message: String, _ code: String) -> PluginAnswer {
        PluginAnswer(plugin: plugin, outcome: .failure(PluginError(message, pluginName: plugin, code: code)))
    }
}
