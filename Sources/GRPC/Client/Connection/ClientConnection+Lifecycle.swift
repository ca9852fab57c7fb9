// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP2

/// How a connection comes into use, ages and ends.
extension ClientConnection {
    /// Puts HTTP/2 into the pipeline.
    func install() throws {
        let configuration = shared.configuration
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .maxConcurrentStreams, value: 0),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.maxHeaderListSize),
            HTTP2Setting(parameter: .initialWindowSize, value: configuration.streamWindowSize),
        ]
        // Received blocks are checked by `HeaderRules`, and those we send are our own.
        connection.headerBlockValidation = .disabled
        // Calls that were cancelled, whose answers may still be on their way: those of one that is forgotten end the connection.
        connection.maximumRecentlyResetStreams = max(16_384, 4 * configuration.maxConcurrentStreams)
        connection.maximumSequentialEmptyDataFrames = 1_000
        // `AbuseGuard` judges instead, as in servers: the limits of NIOHTTP2 know nothing of calls.
        connection.maximumConnectionGlitches = .max
        connection.controlFrameRateLimit.maximumCount = 64
        connection.controlFrameRateLimit.windowLength = .nanoseconds(0)
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.streamResetFrameRateLimit.maximumCount = 64
        stream.streamResetFrameRateLimit.windowLength = .nanoseconds(0)
        stream.streamErrorRateLimit.maximumCount = 64
        stream.streamErrorRateLimit.windowLength = .nanoseconds(0)
        let codec = NIOHTTP2Codec(connectionWindow: configuration.connectionWindowSize, events: self)
        let http2 = NIOHTTP2Handler(
            mode: .client, frameDelegate: codec, connectionConfiguration: connection, streamConfiguration: stream)
        self.codec = codec
        try channel.pipeline.syncOperations.addHandlers([WriteCoalescer(), http2, codec])
        readyDeadline = .now() + TimeAmount(configuration.connectTimeout)
        armTimer(.now() + TimeAmount(configuration.connectTimeout))
    }

    // MARK: Coming into use

    func connectionActive() { isActive = true }

    func receivedSettings(maxConcurrentStreams: Int?) {
        beginEvent()
        if let maxConcurrentStreams { peerLimit = maxConcurrentStreams }
        switch phase {
        case .handshake:
            guard let exchange = shared.exchange else {
                becomeReady(features: 0)
                return
            }
            phase = .exchange
            // The one task of a connection; its calls end at the latest when the connection must be ready.
            let left = (readyDeadline ?? .now()) - .now()
            Task {
                let features = await exchange(
                    GRPCConnectionCaller(connection: self, timeout: .nanoseconds(left.nanoseconds)))
                self.eventLoop.execute {
                    guard self.phase == .exchange else { return }
                    if let features {
                        self.becomeReady(features: features)
                    } else {
                        self.giveUp("it accepts connections and does not answer")
                    }
                }
            }
        case .open:
            dispatcher.setLimit(callLimit, of: self)
        case .exchange, .draining, .closed:
            break
        }
    }

    private var callLimit: Int {
        min(carriesCalls ? max(1, peerLimit - 1) : peerLimit, shared.configuration.maxConcurrentStreams)
    }

    private func becomeReady(features: UInt64) {
        phase = .open
        wasReady = true
        if let carrier = shared.carrier {
            // The stream that carries is one itself.
            carriesCalls = peerLimit > 1 && features & carrier.feature == carrier.feature
        }
        readyDeadline = nil
        // Before the report, upon which a probe may look for a connection.
        let waiting = dispatcher.add(self, limit: callLimit, features: features)
        report(self, .ready(features: features))
        for call in waiting { submit(call) }
    }

    // MARK: Coming to an end

    func receivedGoAway(lastStream: StreamID, reason: HTTP2Reason) {
        beginEvent()
        stopTaking(isScolded: reason == .enhanceYourCalm)
        let refused = streams.values.filter { $0.id > lastStream }
        for call in refused {
            streams[call.id] = nil
            if call.isCounted { freed += 1 }
        }
        for call in refused { redirect(call, because: "it ended the connection before it began the call") }
        if let carrier, carrier.id > lastStream {
            redirectCarried(because: "it ended the connection before it began the call")
        }
        scheduleFlush()
    }

    /// Takes no more calls; those there are end in their own time.
    func stopTaking(isScolded: Bool) {
        guard phase != .draining, phase != .closed else { return }
        let wasOpen = phase == .open
        phase = .draining
        if wasOpen { dispatcher.remove(self) }
        report(self, .draining(isScolded: isScolded, hasServed: hasServed))
    }

    /// Takes no more calls, and ends with the last one, or at the deadline.
    func shutDown(deadline: NIODeadline) {
        stopTaking(isScolded: false)
        drainDeadline = deadline
        armTimer(deadline)
        scheduleFlush()
    }

    /// The last call of a connection that takes no more has ended.
    func finishDraining() {
        sayGoodbye(.noError)
        end("it was drained")
    }

    /// The server cannot be worked with.
    func giveUp(_ reason: String) {
        guard phase != .closed else { return }
        shared.logger.debug("Gave up a gRPC connection", metadata: ["peer": "\(peer)", "reason": "\(reason)"])
        sayGoodbye(.enhanceYourCalm)
        end(reason)
    }

    private func sayGoodbye(_ reason: HTTP2Reason) {
        guard isActive else { return }
        codec?.sendGoAway(lastStream: 0, reason: reason)
        codec?.flush()
    }

    func connectionFailed(_ error: any Error) {
        shared.logger.debug("A gRPC connection failed", metadata: metadata(error))
        end("\(error)")
    }

    func connectionInactive() {
        end("the server closed the connection")
    }

    /// The connection is over: whether its calls were begun is not known, so they are not sent again.
    func end(_ reason: String) {
        guard phase != .closed else { return }
        let wasOpen = phase == .open
        phase = .closed
        if wasOpen { dispatcher.remove(self) }
        timer?.cancel()
        let orphans = Array(streams.values) + takeCarried()
        streams = [:]
        let status = GRPCStatus(.unavailable, "the connection to \(peer) was lost during the call: \(reason)")
        for call in orphans {
            if call.isCounted {
                freed += 1
                bad += 1
            }
            call.finish(.failure(status))
        }
        lastFailure = "\(status)"
        report(self, .closed(reason, wasReady: wasReady))
        settle()
        channel.close(promise: nil)
        // They know each other.
        eventLoop.execute { self.codec = nil }
    }

    func receivedControlFrame() {
        beginEvent()
        if !guardian.controlFrame(now: .now()) {
            giveUp("it sends too many PING or SETTINGS frames (\(GRPCChannelConfiguration.key("max_control_frames")))")
        }
    }

    func pingAcknowledged(_ data: UInt64) {
        beginEvent()
        pingSentAt = nil
    }

    // MARK: Time

    /// Sees to it that `checkTimes` runs at `deadline` or before.
    func armTimer(_ deadline: NIODeadline) {
        guard deadline < timerAt, phase != .closed else { return }
        timer?.cancel()
        timerAt = deadline
        timer = eventLoop.scheduleTask(deadline: deadline) { self.checkTimes() }
    }

    /// One timer for all times of a connection, those of its calls included: it looks what is due and sets itself for what
    /// comes next, so that nothing need be set or cancelled for each call.
    private func checkTimes() {
        timerAt = .distantFuture
        let now = NIODeadline.now()
        if let readyDeadline, readyDeadline <= now {
            giveUp("it was not ready within \(shared.configuration.connectTimeout) of connecting")
            return
        }
        if let drainDeadline, drainDeadline <= now {
            end("the channel was shut down")
            return
        }
        var next = NIODeadline.distantFuture
        for call in Array(streams.values) + carriedCalls {
            if call.deadline <= now {
                fail(call, Self.deadlineExceeded, isServersFault: true)
            } else {
                next = min(next, call.deadline)
            }
        }
        guard keepAlive(now) else { return }
        for time in [readyDeadline, drainDeadline, nextKeepalive].compactMap({ $0 }) { next = min(next, time) }
        if next < .distantFuture { armTimer(max(next, now + Self.grain)) }
        settle()
        flush()
    }

    /// Times that lie closer together than this are looked at together.
    private static let grain = TimeAmount.milliseconds(1)

    private var nextKeepalive: NIODeadline? {
        if let pingSentAt { return pingSentAt + TimeAmount(shared.configuration.keepaliveTimeout) }
        guard let keepaliveTime, hasCalls else { return nil }
        return quietSince + keepaliveTime
    }

    /// Asks a silent server whether it is there; false when it is not.
    private func keepAlive(_ now: NIODeadline) -> Bool {
        if let pingSentAt {
            guard pingSentAt + TimeAmount(shared.configuration.keepaliveTimeout) <= now else { return true }
            end("it did not answer a PING within \(shared.configuration.keepaliveTimeout)")
            return false
        }
        guard let keepaliveTime, hasCalls, quietSince + keepaliveTime <= now else { return true }
        pingSentAt = now
        codec?.sendPing(UInt64(bitPattern: Int64(now.uptimeNanoseconds)))
        return true
    }
}
