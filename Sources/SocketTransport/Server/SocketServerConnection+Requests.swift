// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PluginFramework
import PluginWire
import Sockets

/// From bytes to requests.
extension SocketServerConnection {
    /// Takes the frames that are there, as long as they can be answered.
    func process() {
        while phase == .open || phase == .draining, current == nil, channel.isWritable,
            let event = reader.next(limit: server.settings.maximumMessageSize)
        {
            switch event {
            case .frame(let frame):
                let reserved = takeHeld(frame.readableBytes + FrameReader.prefixLength)
                if isMultiplexed {
                    receiveTagged(frame, reserved)
                } else {
                    receivePlain(frame, reserved)
                }
            case .discarded(let frame):
                releaseHeld()
                receiveOversized(frame)
            }
            if outgoing.readableBytes > Self.longestBurst { flush() }
        }
        releaseHeld()
        // A frame that waits for the answer before it is not late.
        frameSince = reader.isInsideFrame && current == nil ? frameSince ?? .now() : nil
    }

    /// Bytes of the reader become a call's.
    private func takeHeld(_ count: Int) -> Int {
        let taken = min(held, count)
        held -= taken
        return taken
    }

    /// Gives back what the reader does not hold any more.
    private func releaseHeld() {
        let surplus = held - reader.bufferedBytes
        guard surplus > 0 else { return }
        held -= surplus
        server.budget.release(surplus)
    }

    /// There is no room for what has arrived: it is let go of, and its calls are told.
    func refuseForBudget() {
        let reason =
            "the server holds as many bytes of messages as it may (\(server.budget.limit)); "
            + "try again later, or raise gatehouse.memory_budget on the server"
        while current == nil, let event = reader.next(limit: server.settings.maximumMessageSize) {
            switch event {
            case .frame(let frame):
                server.budget.release(takeHeld(frame.readableBytes + FrameReader.prefixLength))
                refuse(head: frame, reason)
            case .discarded(let frame):
                receiveOversized(frame)
            }
        }
        if let frame = reader.discardCurrent() { refuse(head: frame.head, reason) }
        releaseHeld()
    }

    // MARK: One call at a time

    private func receivePlain(_ frame: ByteBuffer, _ reserved: Int) {
        switch SocketRequest(frame) {
        case .invokeHook(let request):
            begin(request, call: makeCall(0, reserved), size: frame.readableBytes, deadline: nil)
        case .getPluginConfig(let request):
            begin(request, call: makeCall(0, reserved))
        case .getPluginConfigs:
            beginDescribingAll(makeCall(0, reserved))
        case .hello(let description):
            server.budget.release(reserved)
            features = WireFeatures(announced: description.features).intersection(server.features)
            answer(.hello(PeerHello(PeerDescription(features: server.features.announcement))), tag: nil)
            isMultiplexed = features.contains(.multiplexedFrames)
        case .brokenInvokeHook(let plugin, let error):
            server.budget.release(reserved)
            answer(Self.broken(plugin, error), tag: nil)
        case .unknown:
            server.budget.release(reserved)
            server.logger.warning(
                "a request is none of this contract", metadata: ["peer": "\(peer)", "bytes": "\(frame.readableBytes)"])
            answer(
                .failure(
                    "the message is none of those that a plugin server answers; send an InvokeHookRequest, a "
                        + "GetPluginConfigRequest or a GetPluginConfigsRequest", code: SocketRequest.unknownMessageCode),
                tag: nil)
        }
    }

    private static func broken(_ plugin: String, _ error: WireError) -> SocketAnswer {
        .failure("the request cannot be read: \(error)", plugin: plugin, code: PluginError.Code.invalidPayload)
    }

    // MARK: Any number of calls

    private func receiveTagged(_ bytes: ByteBuffer, _ reserved: Int) {
        guard var frame = TaggedFrame(decoding: bytes) else {
            server.budget.release(reserved)
            fail("it sent a frame that is shorter than the \(TaggedFrame.headLength) bytes that one begins with")
            return
        }
        if frame.kind == .cancel {
            server.budget.release(reserved)
            calls.removeValue(forKey: frame.call)?.cancel()
            return
        }
        guard frame.call > lastCall else {
            server.budget.release(reserved)
            fail("it used the number of a call (\(frame.call)) that is not above the last one")
            return
        }
        guard phase == .open else {
            server.budget.release(reserved)
            refuse(frame.call, "the server is ending")
            return
        }
        lastCall = frame.call
        let call = makeCall(frame.call, reserved)
        do throws(WireError) {
            switch frame.kind {
            case .invokeHook:
                guard let left = frame.body.readInteger(as: UInt32.self) else {
                    throw WireError(.truncated, "the time limit in front of the request is missing")
                }
                let request = try InvokeHookRequest(decoding: frame.body)
                let deadline = left == 0 ? nil : ContinuousClock.now + .milliseconds(left)
                begin(request, call: call, size: frame.body.readableBytes, deadline: deadline)
            case .invokeChain:
                guard frame.body.readInteger(as: UInt32.self) != nil else {
                    throw WireError(.truncated, "the time limit in front of the request is missing")
                }
                let request = try InvokeChainRequest(decoding: frame.body)
                begin(request, call: call, size: frame.body.readableBytes)
            case .getPluginConfig:
                begin(try GetPluginConfigRequest(decoding: frame.body), call: call)
            case .getPluginConfigs:
                beginDescribingAll(call)
            default:
                server.budget.release(reserved)
                refuse(frame.call, "this version knows no frames of kind \(frame.kind.rawValue)")
            }
        } catch {
            server.budget.release(reserved)
            answer(Self.broken("", error), tag: frame.call)
        }
    }

    private func makeCall(_ id: UInt32, _ reserved: Int) -> SocketServerCall {
        SocketServerCall(id: id, features: features, isTagged: isMultiplexed, reserved: reserved)
    }

    // MARK: Refusing

    /// Tells the caller that its call was not begun.
    func refuse(_ id: UInt32, _ reason: String) {
        outgoing.writeFrame { buffer in
            TaggedFrame.writeHead(.refusal, call: id, into: &buffer)
            buffer.writeString(reason)
        }
        scheduleSettling()
    }

    /// Refuses the request that begins with these bytes.
    private func refuse(head: ByteBuffer, _ reason: String) {
        guard isMultiplexed else {
            answer(.failure(reason, code: PluginError.Code.unavailable), tag: nil)
            return
        }
        guard let frame = TaggedFrame(decoding: head), frame.kind != .cancel, frame.call > lastCall else { return }
        lastCall = frame.call
        refuse(frame.call, reason)
    }

    private func receiveOversized(_ frame: FrameReader.Discarded) {
        let limit = server.settings.maximumMessageSize
        let reason =
            "it sent \(frame.length) as the length of a frame, and a frame has at most \(limit) bytes; raise "
            + "\(SocketServerState.key("max_message_size")), or have it speak this protocol"
        guard isMultiplexed else {
            fail(reason)
            return
        }
        server.logger.warning("refused a request: \(reason)", metadata: ["peer": "\(peer)"])
        refuse(
            head: frame.head,
            "the request has \(frame.length) bytes, and may have \(limit); "
                + "send less, or raise \(SocketServerState.key("max_message_size")) on the server")
    }

    /// The peer does what cannot be borne: that ends the connection.
    func fail(_ reason: String) {
        server.logger.warning("closed a connection: \(reason)", metadata: ["peer": "\(peer)"])
        closeNow()
    }
}
