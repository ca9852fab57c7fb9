// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Synchronization

/// A stream that a client goes on with.
struct ClaimedStream {
    let number: UInt64
    /// The last event that the client has.
    var place: UInt64
    /// Which of the stream's connections this is.
    let claim: Int
}

/// How a client goes on with a stream.
extension EventStreams {
    /// Takes a stream over for a new connection; an earlier connection is closed.
    ///
    /// - Parameter id: the last event that the client has.
    /// - Returns: nil when the session has no such event, or the stream is no longer known, or it has ended and nothing is left to send.
    func claim(_ id: EventID) -> ClaimedStream? {
        let claimed = state.withLock {
            state -> (stream: ClaimedStream, connection: HTTPResponseStream?, end: (@Sendable () -> Void)?)? in
            guard let stream = state.streams[id.stream], stream.purpose == id.purpose,
                (1...max(1, stream.log.lastPlace)).contains(id.place)
            else { return nil }
            // A stream without anything left must not look like one that broke off again.
            if stream.isFinished, stream.log.isEmpty || id.place == stream.log.lastPlace { return nil }
            let claim = stream.claims + 1
            state.streams[id.stream]?.claims = claim
            state.streams[id.stream]?.connection = nil
            state.streams[id.stream]?.onTakeover = nil
            if !stream.isFinished { state.resting.removeAll { $0 == id.stream } }
            return (
                ClaimedStream(number: id.stream, place: id.place, claim: claim), stream.connection, stream.onTakeover
            )
        }
        claimed?.end?()
        claimed?.connection?.abort()
        return claimed?.stream
    }

    /// What a claimed stream has to do next.
    private enum Step {
        case send([ReplayLog.Event])
        case isLive
        case isFinished
        case isOver
    }

    /// Sends what the client has missed, and everything from then on.
    ///
    /// What does not fit into the limits has given way: the client gets what is left, in order.
    /// - Returns: whether the stream is on this connection now, and goes on.
    func replay(
        _ claimed: ClaimedStream, on connection: HTTPResponseStream, onTakeover: (@Sendable () -> Void)? = nil
    ) async -> Bool {
        var place = claimed.place
        while true {
            let step = state.withLock { state -> Step in
                guard let stream = state.streams[claimed.number], stream.claims == claimed.claim else { return .isOver }
                let events = stream.log.events(after: place, upTo: 64 << 10)
                guard events.isEmpty else { return .send(events) }
                guard !stream.isFinished else { return .isFinished }
                state.streams[claimed.number]?.connection = connection
                state.streams[claimed.number]?.onTakeover = onTakeover
                return .isLive
            }
            switch step {
            case .send(let events):
                for event in events {
                    do { try await connection.write(event.bytes) } catch {
                        abandon(claimed)
                        return false
                    }
                    place = event.place
                }
            case .isLive: return true
            case .isFinished, .isOver:
                connection.finish()
                return false
            }
        }
    }

    /// The connection of a replay broke: the stream waits for another one.
    private func abandon(_ claimed: ClaimedStream) {
        state.withLock { state in
            guard let stream = state.streams[claimed.number], stream.claims == claimed.claim, !stream.isFinished,
                stream.purpose == .unrelated
            else { return }
            rest(claimed.number, &state)
        }
    }
}
