// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The latest events of one stream, for a client that lost its connection.
///
/// Places count on, whatever is kept: what was dropped leaves a gap, and the events behind it can still be replayed.
struct ReplayLog {
    /// An event as it was sent.
    struct Event {
        let place: UInt64
        let bytes: ByteBuffer
        let time: NIODeadline
    }

    private var events = CircularBuffer<Event>()
    /// The bytes of the events that are kept.
    private(set) var bytes = 0
    /// The place of the last event, whether it is kept or not; 0 before the first.
    private(set) var lastPlace: UInt64 = 0

    /// The place of the next event.
    var nextPlace: UInt64 { lastPlace + 1 }

    /// Whether no event is kept.
    var isEmpty: Bool { events.isEmpty }

    /// Notes that the next event was sent, without keeping it.
    mutating func skip() {
        lastPlace += 1
    }

    /// Keeps the next event; the oldest ones make room for it.
    ///
    /// - Returns: how many bytes were let go of.
    mutating func add(_ bytes: ByteBuffer, at time: NIODeadline, maxEvents: Int, maxBytes: Int) -> Int {
        lastPlace += 1
        events.append(Event(place: lastPlace, bytes: bytes, time: time))
        self.bytes += bytes.readableBytes
        var dropped = 0
        while events.count > maxEvents || self.bytes > maxBytes { dropped += dropFirst() }
        return dropped
    }

    /// Lets go of the oldest event.
    ///
    /// - Returns: its bytes; 0 when there is none.
    mutating func dropFirst() -> Int {
        guard let first = events.popFirst() else { return 0 }
        bytes -= first.bytes.readableBytes
        return first.bytes.readableBytes
    }

    /// Lets go of what was sent before some time.
    ///
    /// - Returns: how many bytes that were.
    mutating func drop(before time: NIODeadline) -> Int {
        var dropped = 0
        while let first = events.first, first.time < time { dropped += dropFirst() }
        return dropped
    }

    /// The events that follow a place, up to about so many bytes, one at least if there is one.
    func events(after place: UInt64, upTo limit: Int) -> [Event] {
        // Places of the events that are kept follow each other.
        guard let first = events.first else { return [] }
        let skipped = place >= first.place ? Int(min(place - first.place + 1, UInt64(events.count))) : 0
        var found: [Event] = []
        var size = 0
        for event in events.dropFirst(skipped) {
            guard found.isEmpty || size + event.bytes.readableBytes <= limit else { break }
            found.append(event)
            size += event.bytes.readableBytes
        }
        return found
    }
}
