// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Sockets

/// Time, and the end.
extension SocketServerConnection {
    // MARK: Time

    /// Sets the one timer for what is due first.
    func watch() {
        guard phase != .closed else { return }
        let settings = server.settings
        var next: NIODeadline?
        func consider(_ deadline: NIODeadline) { next = next.map { min($0, deadline) } ?? deadline }
        if let frameSince { consider(frameSince + TimeAmount(settings.requestTimeout)) }
        if let unwritableSince { consider(unwritableSince + TimeAmount(settings.answerTimeout)) }
        if let idle = settings.idleTimeout, running == 0 { consider(lastActivity + TimeAmount(idle)) }
        guard let next else { return }
        // One that rings too early is set anew then; for the idle time that is once in its length, not at each call.
        if let timer, timer.deadline <= next { return }
        timer?.scheduled.cancel()
        timer = (
            next,
            eventLoop.scheduleTask(deadline: next) {
                self.timer = nil
                self.look(.now())
                self.watch()
            }
        )
    }

    private func look(_ now: NIODeadline) {
        let settings = server.settings
        if let frameSince, frameSince + TimeAmount(settings.requestTimeout) <= now {
            fail(
                "its request did not arrive within \(settings.requestTimeout) (\(SocketServerState.key("request_timeout")))"
            )
        } else if let unwritableSince, unwritableSince + TimeAmount(settings.answerTimeout) <= now {
            fail(
                "it did not take its answers within \(settings.answerTimeout) (\(SocketServerState.key("answer_timeout")))"
            )
        } else if let idle = settings.idleTimeout, running == 0, frameSince == nil, phase == .open,
            lastActivity + TimeAmount(idle) <= now
        {
            server.logger.debug("closed an idle connection", metadata: ["peer": "\(peer)"])
            sayGoodbye()
            close()
        }
    }

    // MARK: The end

    /// Takes no more calls, lets those there are end for at most the grace period, then closes.
    func drain() {
        guard phase == .open else { return }
        // What has arrived whole was sent before: it is answered.
        process()
        guard phase == .open else { return }
        phase = .draining
        sayGoodbye()
        eventLoop.scheduleTask(in: TimeAmount(server.grace)) { self.closeNow() }
        settle()
    }

    /// Tells a peer that understands it which calls were begun.
    private func sayGoodbye() {
        guard isMultiplexed else { return }
        outgoing.writeFrame { TaggedFrame.writeHead(.goAway, call: lastCall, into: &$0) }
    }

    /// Closes once everything written is taken.
    func close() {
        guard phase == .open || phase == .draining, let context else { return }
        phase = .closing
        cancelCalls()
        context.writeAndFlush(wrapOutboundOut(outgoing)).whenComplete { _ in self.closeNow() }
        outgoing = ByteBuffer()
    }

    /// Closes at once; calls in flight are cancelled.
    func closeNow() {
        guard phase != .closed else { return }
        phase = .closing
        cancelCalls()
        context?.close(promise: nil)
    }

    private func cancelCalls() {
        current?.cancel()
        for call in calls.values { call.cancel() }
        calls = [:]
    }

    /// The channel is gone.
    func channelClosed() {
        phase = .closed
        cancelCalls()
        timer?.scheduled.cancel()
        timer = nil
        server.budget.release(held + unread)
        (held, unread) = (0, 0)
        reader = FrameReader()
        outgoing = ByteBuffer()
        endIfDone()
    }

    /// Leaves the server once the last call has ended too.
    func endIfDone() {
        if running == 0 { server.registry.ended(self) }
    }
}
