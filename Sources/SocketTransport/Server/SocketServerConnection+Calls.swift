// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Sockets
import Values

/// From requests to plugins, and back to frames.
extension SocketServerConnection {
    // MARK: Beginning

    func begin(
        _ request: InvokeHookRequest, call: SocketServerCall, size: Int, deadline: ContinuousClock.Instant?
    ) {
        let isSmall = size <= server.settings.inlineLimit
        let invocation = PluginInvocation(
            hook: HookName(rawValue: request.hookType), plugin: request.pluginName, payload: request.payload,
            context: request.context, deadline: deadline, startsInline: isSmall)
        let service = server.service
        begin(call, inline: isSmall) {
            let answer = await service.invoke(invocation)
            return .invokeHook(InvokeHookResponse(answer, pluginName: invocation.plugin))
        }
    }

    /// Begins a chain of plugins; the deadline is kept by the time limits of its steps, and by its caller.
    func begin(_ request: InvokeChainRequest, call: SocketServerCall, size: Int) {
        let isSmall = size <= server.settings.inlineLimit
        var chain = request.chain
        chain.startsInline = isSmall
        let (service, features, asked) = (server.service, call.features, chain)
        begin(call, inline: isSmall) {
            var answers = ChainAnswerWriter(features: features)
            await asked.run(on: service) { answers.write($0, $1, $2) }
            return .invokeChain(answers.bytes, first: asked.steps.first?.plugin ?? "")
        }
    }

    func begin(_ request: GetPluginConfigRequest, call: SocketServerCall) {
        let service = server.service
        begin(call, inline: true) {
            .getPluginConfig(GetPluginConfigResponse(config: await service.describe(request.name).map(Document.init)))
        }
    }

    func beginDescribingAll(_ call: SocketServerCall) {
        let service = server.service
        begin(call, inline: true) {
            .getPluginConfigs(GetPluginConfigsResponse(configs: await service.describeAll().map(Document.init)))
        }
    }

    /// The one place where a task without a parent starts.
    ///
    /// It belongs to this connection, which counts it in `running`, cancels it when nobody waits for it, and does not end before it.
    private func begin(
        _ call: SocketServerCall, inline: Bool, _ operation: @escaping @Sendable () async -> SocketAnswer
    ) {
        let limit = server.settings.maximumCallsPerConnection
        // Calls that are open, and four times as many whose plugin did not return although nobody waits any more.
        guard calls.count < limit, running < 4 * limit else {
            refuse(call, Self.tooMany("on this connection", "max_calls_per_connection"))
            return
        }
        guard server.beginCall() else {
            refuse(call, Self.tooMany("in this process", "max_calls_in_flight"))
            return
        }
        running += 1
        call.isRunning = true
        if call.isTagged { calls[call.id] = call } else { current = call }
        let task: Task<Void, Never> =
            inline
            ? Task.immediate { self.finish(call, await operation()) }
            : Task { self.finish(call, await operation()) }
        guard call.isRunning else { return }
        call.task = task
        // Closed while its first part ran.
        if call.isCancelled { task.cancel() }
    }

    private static func tooMany(_ place: String, _ key: StaticString) -> String {
        "as many calls are in flight \(place) as may be; "
            + "try again later, or raise \(SocketServerState.key(key)) on the server"
    }

    private func refuse(_ call: SocketServerCall, _ reason: String) {
        server.budget.release(call.reserved)
        if call.isTagged {
            refuse(call.id, reason)
        } else {
            answer(.failure(reason, code: PluginError.Code.unavailable), tag: nil)
        }
    }

    // MARK: Finishing

    /// The last act of every call's task; on the event loop already when the plugin never suspended.
    private func finish(_ call: SocketServerCall, _ answer: SocketAnswer) {
        if eventLoop.inEventLoop {
            finished(call)
            if !call.isCancelled { self.answer(answer, tag: call.isTagged ? call.id : nil, call.features) }
            goOn()
            return
        }
        var buffer = ByteBuffer()
        answer.write(
            into: &buffer, tag: call.isTagged ? call.id : nil, features: call.features,
            limit: server.settings.maximumMessageSize)
        let bytes = buffer
        eventLoop.execute {
            self.finished(call)
            if !call.isCancelled {
                self.noteUnread(bytes.readableBytes)
                self.write(bytes)
            }
            self.goOn()
        }
    }

    private func finished(_ call: SocketServerCall) {
        running -= 1
        server.endCall()
        server.budget.release(call.reserved)
        call.isRunning = false
        call.task = nil
        if call.isTagged {
            if !call.isCancelled { calls[call.id] = nil }
        } else {
            current = nil
        }
        if phase == .closed { endIfDone() }
    }

    /// After an answer: while bytes are being worked off, that goes on by itself.
    private func goOn() {
        guard !isReading, phase != .closed else { return }
        lastActivity = .now()
        scheduleSettling()
    }

    /// Writes an answer on the event loop.
    func answer(_ answer: SocketAnswer, tag: UInt32?, _ features: WireFeatures = []) {
        let before = outgoing.readableBytes
        answer.write(into: &outgoing, tag: tag, features: features, limit: server.settings.maximumMessageSize)
        noteUnread(outgoing.readableBytes - before)
        scheduleSettling()
    }

    /// Answers for a peer that does not read count against the budget; beyond it the connection goes.
    private func noteUnread(_ bytes: Int) {
        guard !channel.isWritable else { return }
        guard server.budget.reserve(bytes) else {
            fail("its answers wait to be read, and there is no room for more (gatehouse.memory_budget)")
            return
        }
        unread += bytes
    }
}
