// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import Sockets
internal import Synchronization

/// The event streams of one session that its client can go on with when a connection breaks (MCP 2025-11-25, Resumability).
///
/// What a stream sent last is kept within the limits of the endpoint, and only while less than half of the memory budget is in use.
/// A call goes on without a connection, and what it says meanwhile is replayed on the next.
final class EventStreams: Sendable {
    struct Stream {
        let purpose: EventID.Purpose
        var log = ReplayLog()
        /// Where events go as they come; nil while nobody reads them.
        var connection: HTTPResponseStream?
        /// Ends the work of the connection when another one takes its place.
        var onTakeover: (@Sendable () -> Void)?
        /// Counts the connections, so that an earlier one notices that it is no longer the latest.
        var claims = 0
        /// Nothing more will be sent.
        var isFinished = false
    }

    struct State {
        var streams: [UInt64: Stream] = [:]
        /// Streams that nothing is written to: answered calls, and GET streams without a connection; the oldest first.
        var resting = CircularBuffer<UInt64>()
        var bytes = 0
        var lastStream: UInt64 = 0
        var budget: ByteBudget?
        var isEnded = false
    }

    let limits: MCPServerLimits
    let state = Mutex(State())

    init(limits: MCPServerLimits) {
        self.limits = limits
    }

    /// Begins a stream.
    ///
    /// - Parameters:
    ///   - primes: whether the client is told an id before there is a message, so that it can come back in any case.
    ///   - onTakeover: called when another connection takes this one's place.
    /// - Returns: the stream's number; nil when its client is gone already, or nothing may be kept: then it is not resumable.
    func open(
        _ purpose: EventID.Purpose, on connection: HTTPResponseStream, budget: ByteBudget, primes: Bool,
        onTakeover: (@Sendable () -> Void)? = nil
    ) -> UInt64? {
        guard limits.maxReplayBytes > 0, limits.maxReplayEvents > 0 else { return nil }
        return state.withLock { state -> UInt64? in
            guard !state.isEnded else { return nil }
            state.budget = budget
            let number = state.lastStream + 1
            var stream = Stream(purpose: purpose, connection: connection, onTakeover: onTakeover)
            if primes {
                let id = EventID(purpose: purpose, stream: number, place: stream.log.nextPlace)
                guard Self.deliver(EventStream.priming(id), to: connection) else { return nil }
                stream.log.skip()
            } else if connection.isClosed {
                return nil
            }
            state.lastStream = number
            state.streams[number] = stream
            return number
        }
    }

    // MARK: Calls

    /// Sends a message of a call, and keeps it; false when nobody will ever get it.
    @discardableResult
    func write(_ message: [UInt8], to number: UInt64) -> Bool {
        state.withLock { state in
            guard let place = state.streams[number]?.log.nextPlace else { return false }
            let event = EventStream.event(message, EventID(purpose: .call, stream: number, place: place))
            let isKept = keep(event, number, &state)
            guard let connection = state.streams[number]?.connection else { return isKept }
            if Self.deliver(event, to: connection) { return true }
            state.streams[number]?.connection = nil
            return isKept
        }
    }

    /// Ends the stream of a call.
    ///
    /// - Parameter keeps: whether what it said may still be asked for; that of a cancelled call may not, because clients come back
    ///   until they have an answer.
    func finish(_ number: UInt64, keeps: Bool) {
        let connection = state.withLock { state in
            guard state.streams[number] != nil else { return nil as HTTPResponseStream? }
            defer {
                state.streams[number]?.connection = nil
                state.streams[number]?.isFinished = true
                if keeps { rest(number, &state) } else { forget(number, &state) }
            }
            return state.streams[number]?.connection
        }
        connection?.finish()
    }

    // MARK: Messages that belong to no call

    /// Sends such a message on a stream, and keeps it.
    ///
    /// - Throws: when the connection is no longer the stream's, or cannot take it; the message is to go elsewhere then.
    func write(_ message: [UInt8], to number: UInt64, on connection: HTTPResponseStream) throws(HTTPStreamError) {
        let failure = state.withLock { state -> HTTPStreamError? in
            guard let stream = state.streams[number], stream.connection === connection else { return .closed }
            let id = EventID(purpose: .unrelated, stream: number, place: stream.log.nextPlace)
            let event = EventStream.event(message, id)
            do throws(HTTPStreamError) {
                try connection.writeNow(event)
            } catch {
                return error
            }
            _ = keep(event, number, &state)
            return nil
        }
        if let failure { throw failure }
    }

    /// A connection is over, and its stream without one, if no other has taken it over.
    func leave(_ number: UInt64, _ connection: HTTPResponseStream) {
        state.withLock { state in
            guard state.streams[number]?.connection === connection else { return }
            state.streams[number]?.connection = nil
            state.streams[number]?.onTakeover = nil
            rest(number, &state)
        }
    }

    // MARK: Limits

    /// Lets go of what was sent before some time, and of streams that have nothing left.
    func expire(before time: NIODeadline) {
        state.withLock { state in
            guard !state.streams.isEmpty else { return }
            for number in state.streams.keys {
                release(state.streams[number]?.log.drop(before: time) ?? 0, &state)
            }
            for number in state.resting where state.streams[number]?.log.isEmpty == true {
                state.streams[number] = nil
            }
            state.resting.removeAll { state.streams[$0] == nil }
        }
    }

    /// Ends all streams.
    func end() {
        let connections = state.withLock { state in
            state.isEnded = true
            defer {
                release(state.bytes, &state)
                state.streams = [:]
                state.resting = []
            }
            return state.streams.values.compactMap(\.connection)
        }
        for connection in connections { connection.finish() }
    }

    /// Keeps an event; false when there is no room for it, even if everything else of the stream gives way.
    private func keep(_ event: ByteBuffer, _ number: UInt64, _ state: inout State) -> Bool {
        let size = event.readableBytes
        while state.bytes + size > limits.maxReplayBytesPerSession, let oldest = state.resting.popFirst() {
            forget(oldest, &state)
        }
        while state.bytes + size > limits.maxReplayBytesPerSession,
            let dropped = state.streams[number]?.log.dropFirst(), dropped > 0
        {
            release(dropped, &state)
        }
        guard size <= limits.maxReplayBytes, state.bytes + size <= limits.maxReplayBytesPerSession,
            let budget = state.budget, budget.reserved <= budget.limit / 2 - size, budget.reserve(size)
        else {
            // What is kept has no gaps.
            while let dropped = state.streams[number]?.log.dropFirst(), dropped > 0 { release(dropped, &state) }
            state.streams[number]?.log.skip()
            return false
        }
        state.bytes += size
        let dropped = state.streams[number]?.log.add(
            event, at: .now(), maxEvents: limits.maxReplayEvents, maxBytes: limits.maxReplayBytes)
        release(dropped ?? 0, &state)
        return true
    }

    /// Notes that nothing is written to a stream any more; the oldest of these gives way when there are too many.
    func rest(_ number: UInt64, _ state: inout State) {
        state.resting.append(number)
        while state.resting.count > limits.maxReplayStreams, let oldest = state.resting.popFirst() {
            forget(oldest, &state)
        }
    }

    private func forget(_ number: UInt64, _ state: inout State) {
        guard let stream = state.streams.removeValue(forKey: number) else { return }
        release(stream.log.bytes, &state)
    }

    private func release(_ bytes: Int, _ state: inout State) {
        state.bytes -= bytes
        state.budget?.release(bytes)
    }

    private static func deliver(_ event: ByteBuffer, to connection: HTTPResponseStream) -> Bool {
        do throws(HTTPStreamError) {
            try connection.writeNow(event)
            return true
        } catch {
            // The client is gone, or leaves too much unread, which has ended its connection.
            return false
        }
    }
}
