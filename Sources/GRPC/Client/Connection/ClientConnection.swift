// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHPACK
import Sockets
import Synchronization

/// One connection of a channel: the table of its calls, between the dispatcher and HTTP/2.
///
/// `@unchecked Sendable`: every variable is read and written on `eventLoop` only, but for the inbox, which has a lock. Calls and
/// cancellations come from any thread through the inbox: however many come at a time, they are one piece of work for the event
/// loop and one flush.
final class ClientConnection: @unchecked Sendable {
    /// What a connection tells its channel, on the connection's event loop.
    enum Event: Sendable {
        /// It can be used.
        case ready(features: UInt64)
        /// It takes no more calls; `isScolded` when the server finds that we ask too much of it, `hasServed` when it
        /// answered any.
        case draining(isScolded: Bool, hasServed: Bool)
        /// It is gone, for this reason; `wasReady` when it could once be used.
        case closed(String, wasReady: Bool)
    }

    enum Phase {
        /// Waiting for the server's settings.
        case handshake
        /// What the channel wants to know of the server is asked for.
        case exchange
        case open
        /// No new calls; ends with the last one.
        case draining
        case closed
    }

    private struct Inbox {
        var started: [ClientCall] = []
        var abandoned: [ClientCall] = []
        var isScheduled = false
    }

    let channel: any Channel
    let eventLoop: any EventLoop
    let shared: ChannelShared
    let dispatcher: CallDispatcher
    let peer: String
    let report: @Sendable (ClientConnection, Event) -> Void
    var codec: (any HTTP2Codec)?

    private let inbox = Mutex(Inbox())
    /// Kept for their storage.
    private var emptyInbox = Inbox()

    var streams: [StreamID: ClientCall] = [:]
    var nextStream: StreamID = 1
    /// The stream that calls share, if there is one.
    var carrier: ClientCarrier?
    /// Whether calls may share a stream.
    var carriesCalls = false
    /// How many such streams in a row have ended before one of their calls.
    var fruitlessCarriers = 0
    /// How many calls the server lets us have open; HTTP/2 sets no limit, NIOHTTP2 this one.
    var peerLimit = 100
    var headers: RequestHeaders
    /// The window of a new stream: HTTP/2's own until the server has acknowledged our settings.
    var initialWindow = 65_535
    /// The server has ended this stream, and HTTP/2 has not yet said that we have, too.
    var endedByPeer: StreamID?

    var isReading = false
    var flushScheduled = false
    var guardian: AbuseGuard

    // For the dispatcher, at the end of a burst.
    var freed = 0
    var good = 0
    var bad = 0
    var lastFailure = ""

    var phase = Phase.handshake
    /// Bytes can be written.
    var isActive = false
    var wasReady = false
    /// A call came to its end on it.
    var hasServed = false
    /// Since when nothing arrived, or nothing was open.
    var quietSince: NIODeadline
    var keepaliveTime: TimeAmount?
    var pingSentAt: NIODeadline?
    var readyDeadline: NIODeadline?
    var drainDeadline: NIODeadline?
    var timer: Scheduled<Void>?
    var timerAt = NIODeadline.distantFuture

    init(
        channel: any Channel, shared: ChannelShared, dispatcher: CallDispatcher, peer: String, keepaliveTime: Duration?,
        report: @escaping @Sendable (ClientConnection, Event) -> Void
    ) {
        self.channel = channel
        self.shared = shared
        self.dispatcher = dispatcher
        self.peer = peer
        self.report = report
        self.keepaliveTime = keepaliveTime.map { TimeAmount($0) }
        eventLoop = channel.eventLoop
        headers = RequestHeaders(scheme: shared.security.scheme, authority: shared.target.authority)
        quietSince = .now()
        guardian = AbuseGuard(
            maxRapidResets: shared.configuration.maxStreamFaults,
            maxControlFrames: shared.configuration.maxControlFrames, now: quietSince)
    }

    // MARK: From any thread

    /// Sends a call whose room the dispatcher has counted.
    func submit(_ call: ClientCall) {
        guard !eventLoop.inEventLoop else {
            start(call, now: .now())
            scheduleFlush()
            return
        }
        let schedules = inbox.withLock { inbox in
            inbox.started.append(call)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if schedules { eventLoop.execute { self.emptyTheInbox() } }
    }

    /// Lets go of a call that has ended without us.
    func abandon(_ call: ClientCall) {
        let schedules = inbox.withLock { inbox in
            inbox.abandoned.append(call)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
        if schedules { eventLoop.execute { self.emptyTheInbox() } }
    }

    private func emptyTheInbox() {
        var taken = emptyInbox
        emptyInbox = Inbox()
        inbox.withLock { inbox in
            swap(&inbox, &taken)
            inbox.isScheduled = false
        }
        if !taken.started.isEmpty {
            let now = NIODeadline.now()
            for call in taken.started { start(call, now: now) }
        }
        for call in taken.abandoned { letGo(call) }
        taken.started.removeAll(keepingCapacity: true)
        taken.abandoned.removeAll(keepingCapacity: true)
        emptyInbox = taken
        if isReading { return }
        settle()
        flush()
    }
}

/// What all connections of a channel have in common.
struct ChannelShared: Sendable {
    let target: GRPCTarget
    let security: GRPCChannelSecurity
    let configuration: GRPCChannelConfiguration
    let messageLimit: ByteLimit
    let budget: ByteBudget
    let logger: Logger
    let exchange: GRPCChannel.Exchange?
    let carrier: GRPCCarrier?
}
