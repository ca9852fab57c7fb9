// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginWire
import Sockets

// How calls are begun and written.
extension SocketClientConnection {
    // MARK: Starting calls

    func start(_ call: SocketClientCall) {
        guard phase == .open else {
            // It was on its way here when the connection ended: nothing of it was sent.
            owner.dispatch(call)
            return
        }
        if isMultiplexed, calls.count >= environment.limits.maximumCallsPerConnection {
            backlog.append(call)
            watch(call.deadline)
            return
        }
        let isKnownThere = isMultiplexed || call.kind != .invokeChain
        if !isKnownThere {
            call.finish(.failure(SocketCallFailure(.unknownThere, "the server runs one plugin a request")))
        }
        guard isKnownThere, call.assign(self) else {
            // Not from here: of those that wait, any number may be such.
            if !isMultiplexed { eventLoop.execute { self.owner.released(self) } }
            return
        }
        if isMultiplexed { writeTagged(call) } else { writePlain(call) }
        watch(call.deadline)
        scheduleFlush()
    }

    private func writePlain(_ call: SocketClientCall) {
        current = call
        outgoing.writeInteger(UInt32(call.request.readableBytes))
        writeRequest(call.request)
    }

    private func writeTagged(_ call: SocketClientCall) {
        lastID += 1
        call.id = lastID
        calls[lastID] = call
        let hasLimit = call.kind.hasTimeLimit
        let length = TaggedFrame.headLength + (hasLimit ? 4 : 0) + call.request.readableBytes
        outgoing.writeInteger(UInt32(length))
        TaggedFrame.writeHead(call.kind, call: call.id, into: &outgoing)
        if hasLimit {
            let left = (call.deadline - .now()).nanoseconds / 1_000_000
            outgoing.writeInteger(UInt32(clamping: max(1, left)))
        }
        writeRequest(call.request)
        if lastID >= Self.lastUsableID { retire() }
    }

    private func writeRequest(_ request: ByteBuffer) {
        guard request.readableBytes > Self.longestCopied else {
            outgoing.writeImmutableBuffer(request)
            return
        }
        handOver()
        context?.write(wrapOutboundOut(request), promise: nil)
        scheduleFlush()
    }

    func startBacklog() {
        // Those that were cancelled meanwhile leave their room to others.
        while !backlog.isEmpty, calls.count < environment.limits.maximumCallsPerConnection {
            let next = backlog.prefix(environment.limits.maximumCallsPerConnection - calls.count)
            backlog.removeFirst(next.count)
            for call in next { start(call) }
        }
    }

    // MARK: Writing

    func scheduleFlush() {
        guard !flushScheduled, !isReading else { return }
        flushScheduled = true
        eventLoop.execute {
            self.flushScheduled = false
            self.flush()
        }
    }

    func handOver() {
        guard outgoing.readableBytes > 0, let context else { return }
        context.write(wrapOutboundOut(outgoing), promise: nil)
        if outgoing.capacity > Self.longestBurst { outgoing = ByteBuffer() } else { outgoing.clear() }
    }

    func flush() {
        guard outgoing.readableBytes > 0, let context else {
            context?.flush()
            return
        }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        // What was written is free again by now, so that its storage can be used once more.
        if outgoing.capacity > Self.longestBurst { outgoing = ByteBuffer() } else { outgoing.clear() }
    }
}
