// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginWire
import Sockets

// How what arrives becomes the answers of calls.
extension SocketClientConnection {
    // MARK: Bytes

    func process() {
        while phase != .closed, let event = reader.next(limit: environment.limits.maximumMessageSize) {
            switch event {
            case .frame(let frame):
                let count = min(held, frame.readableBytes + FrameReader.prefixLength)
                held -= count
                receive(frame, reserved: count)
            case .discarded(let frame):
                refuse(frame, SocketCallFailure(.tooLong, tooLong(frame.length)))
            }
        }
    }

    private func tooLong(_ length: Int) -> String {
        "the server at \(environment.path) sent \(length) as the length of an answer, which may have "
            + "\(environment.limits.maximumMessageSize); raise gatehouse.unix_socket_client.max_message_size, "
            + "or check that a plugin server listens there"
    }

    func releaseHeld() {
        let surplus = held - reader.bufferedBytes
        guard surplus > 0 else { return }
        held -= surplus
        environment.budget.release(surplus)
    }

    /// There is no room for what has arrived: it is let go of, and its caller is told.
    func refuseForBudget() {
        guard phase != .closed, let frame = reader.discardCurrent() else { return }
        refuse(
            frame,
            SocketCallFailure(
                .unavailable,
                "the process holds as many bytes of messages as it may (\(environment.budget.limit)), so that the answer of the "
                    + "server at \(environment.path) was dropped; try again later, or raise gatehouse.memory_budget"))
    }

    private func refuse(_ frame: FrameReader.Discarded, _ failure: SocketCallFailure) {
        if isMultiplexed, let tagged = TaggedFrame(decoding: frame.head) {
            calls.removeValue(forKey: tagged.call)?.finish(.failure(failure))
            startBacklog()
        } else {
            current?.finish(.failure(failure))
            current = nil
            close(failure.message)
        }
    }

    // MARK: Answers

    private func receive(_ frame: ByteBuffer, reserved: Int) {
        if phase == .greeting {
            environment.budget.release(reserved)
            receiveGreeting(frame)
        } else if isMultiplexed {
            receiveTagged(frame, reserved)
        } else if let call = current {
            current = nil
            call.takeOver(reserved)
            // First the connection is free again: a caller that goes on at once must find it, not open another.
            owner.released(self)
            call.finish(.success(frame))
        } else {
            environment.budget.release(reserved)
            close("the server sent an answer that nobody asked for")
        }
    }

    private func receiveGreeting(_ frame: ByteBuffer) {
        // A server of another make says that it does not know the message, in whatever words.
        if let hello = try? PeerHello(decoding: frame) {
            features = WireFeatures(announced: hello.peer.features)
        }
        isMultiplexed = features.contains(.multiplexedFrames)
        phase = .open
        owner.connected(self)
    }

    private func receiveTagged(_ bytes: ByteBuffer, _ reserved: Int) {
        guard let frame = TaggedFrame(decoding: bytes) else {
            environment.budget.release(reserved)
            close("the server sent a frame without a head")
            return
        }
        switch frame.kind {
        case .answer:
            guard let call = calls.removeValue(forKey: frame.call) else {
                // It was cancelled while its answer was on the way.
                environment.budget.release(reserved)
                return
            }
            call.takeOver(reserved)
            call.finish(.success(frame.body))
            startBacklog()
        case .refusal:
            environment.budget.release(reserved)
            guard let call = calls.removeValue(forKey: frame.call) else { return }
            let reason = String(decoding: frame.body.readableBytesView.prefix(1_024), as: UTF8.self)
            if phase == .draining {
                owner.dispatch(call)
            } else {
                call.finish(
                    .failure(
                        SocketCallFailure(
                            .unavailable, "the server at \(environment.path) did not begin the call: \(reason)")))
            }
            startBacklog()
        case .goAway:
            environment.budget.release(reserved)
            retire()
            // Those it did not begin can be begun elsewhere.
            for call in calls.values where call.id > frame.call {
                calls[call.id] = nil
                owner.dispatch(call)
            }
        default:
            // What a later version may send is no reason to fail.
            environment.budget.release(reserved)
        }
    }
}
