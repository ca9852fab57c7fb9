// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHPACK

/// One connection of a server: the table of its calls, between HTTP/2 and the handlers.
///
/// `@unchecked Sendable`: every variable is read and written on `eventLoop` only. What comes from elsewhere (the end of a
/// task, a send of a streaming answer, shutdown) is brought there first.
final class ServerConnection: @unchecked Sendable {
    let server: ServerState
    let eventLoop: any EventLoop
    let channel: any Channel
    let peer: GRPCPeer
    let logger: Logger
    /// Nil until the preface has been recognised.
    var codec: (any HTTP2Codec)?

    var streams: [StreamID: CallStream] = [:]
    var lastStream: StreamID = 0
    var lastMethod: MethodTable.Entry?
    /// What carries calls, if a stream does.
    var carrier: ServerCarrier?
    /// Opened since the last flush and not yet whole: they get their timers when the burst is over, which most calls
    /// never need.
    var incomplete: [CallStream] = []
    /// Calls that are answered, but not yet closed.
    var unsentAnswers = 0
    /// Handlers running, those of cancelled calls included.
    var running = 0
    /// Those of `running` that serve streaming calls.
    var runningStreaming = 0
    /// Streaming calls that are not closed.
    var openStreaming = 0

    /// The window of a new stream: HTTP/2's own until the client has acknowledged our settings.
    var initialWindow = 65_535
    var isReading = false
    var flushScheduled = false
    var framesInBurst = 0
    var guardian: AbuseGuard

    var phase = Phase.handshake
    let connectedAt: NIODeadline
    var lastActivity: NIODeadline
    /// Bytes came, but no frame was completed, since then.
    var partialFrameSince: NIODeadline?
    var pingSentAt: NIODeadline?
    var drainDeadline: NIODeadline?
    var timer: Scheduled<Void>?
    var timerAt = NIODeadline.distantFuture
    var channelIsClosed = false

    enum Phase {
        /// Waiting for HTTP/2's preface.
        case handshake
        case open
        /// GOAWAY is sent; ends with the last call.
        case draining
        /// Told to close; nothing is served any more.
        case closed
    }

    init(server: ServerState, channel: any Channel) {
        self.server = server
        self.channel = channel
        eventLoop = channel.eventLoop
        let address = channel.remoteAddress
        peer = GRPCPeer(address?.ipAddress.map { "\($0):\(address?.port ?? 0)" } ?? "unix")
        logger = server.logger
        connectedAt = .now()
        lastActivity = connectedAt
        guardian = AbuseGuard(
            maxRapidResets: server.configuration.maxRapidResets,
            maxControlFrames: server.configuration.maxControlFrames,
            now: connectedAt
        )
    }
}

extension ServerConnection: HTTP2Events {
    func connectionActive() {
        guard phase == .handshake else { return }
        phase = .open
        rearmTimer()
    }

    func received(data: ByteBuffer, endStream: Bool, on id: StreamID) {
        beginBurst()
        guardian.receivedData()
        // A stream answered early may still have DATA on its way: it is dropped.
        guard let stream = streams[id], stream.answered == nil, !stream.requestEnded else { return }
        receive(data, endStream: endStream, for: stream)
    }

    func inboundWindowChanged(to size: Int, on id: StreamID) {
        guard let stream = streams[id] else { return }
        stream.inboundWindow = size
        topUpWindow(of: stream)
    }

    func initialWindowChanged(by delta: Int) {
        initialWindow += delta
        for stream in streams.values {
            stream.inboundWindow += delta
            topUpWindow(of: stream)
        }
    }

    func received(headers: HPACKHeaders, endStream: Bool, on id: StreamID) {
        beginBurst()
        guard HeaderRules.allow(headers, asTrailers: streams[id] != nil) else {
            malformedHeaders(on: id)
            return
        }
        if let stream = streams[id] {
            // Trailers. gRPC defines none for requests; what they say is ignored, their end of the stream is not.
            if endStream, !stream.requestEnded, stream.answered == nil { requestEnded(stream) }
        } else {
            open(id, headers: headers, endStream: endStream)
        }
    }

    func receivedReset(_ reason: HTTP2Reason, on id: StreamID) {
        beginBurst()
        guard let stream = streams[id], stream.answered == nil else { return }
        if !guardian.callReset(requestWasWhole: stream.requestEnded, now: .now()) {
            abused("it resets too many calls (\(GRPCServerConfiguration.key("max_rapid_resets")))")
        }
    }

    func streamClosed(_ id: StreamID) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        closed(stream)
        endIfDrained()
    }

    func receivedControlFrame() {
        beginBurst()
        if !guardian.controlFrame(now: .now()) {
            abused("it sends too many PING or SETTINGS frames (\(GRPCServerConfiguration.key("max_control_frames")))")
        }
    }

    func pingAcknowledged(_ data: UInt64) {
        beginBurst()
        pingSentAt = nil
        lastActivity = .now()
        rearmTimer()
    }

    func receivedGoAway(lastStream: StreamID, reason: HTTP2Reason) {
        beginBurst()
        drain()
    }

    /// A server opens no streams: how many the client would allow does not matter.
    func receivedSettings(maxConcurrentStreams: Int?) {}

    func streamFailed(_ error: any Error) {
        logger.debug("a gRPC client broke the rules of a stream", metadata: metadata(error))
        if !guardian.callReset(requestWasWhole: false, now: .now()) {
            abused("it causes too many stream errors (\(GRPCServerConfiguration.key("max_rapid_resets")))")
        }
    }

    func connectionFailed(_ error: any Error) {
        logger.debug("a gRPC connection failed", metadata: metadata(error))
        close()
    }

    func readComplete() {
        isReading = false
        if framesInBurst == 0 {
            if partialFrameSince == nil, phase == .open || phase == .draining {
                partialFrameSince = .now()
                armTimer(.now() + TimeAmount(server.configuration.requestTimeout))
            }
        } else {
            framesInBurst = 0
            partialFrameSince = nil
            lastActivity = .now()
        }
        if !incomplete.isEmpty { watchIncompleteRequests() }
        flush()
    }

    func connectionInactive() {
        abandonCalls()
    }

    /// Frames of one burst are answered with one flush, when the burst has ended.
    @inline(__always)
    private func beginBurst() {
        isReading = true
        framesInBurst += 1
    }

    func metadata(_ error: any Error) -> Logger.Metadata {
        ["peer": "\(peer)", "error": "\(error)"]
    }
}
