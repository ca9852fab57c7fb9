// SPDX-License-Identifier: Apache-2.0

internal import Values

/// The id of an event, which a client sends back in `Last-Event-ID`: which stream of its session it was on, and where there.
///
/// It is no secret: it counts within a session only, and a session belongs to whoever began it.
struct EventID: Equatable {
    /// What a stream is for.
    enum Purpose: UInt8 {
        /// The answer to a POST.
        case call = 0x63
        /// Messages that belong to no call: a GET stream.
        case unrelated = 0x67
    }

    /// What the stream is for.
    var purpose: Purpose
    /// The stream's number in its session; never given to another one.
    var stream: UInt64
    /// The event's place on its stream; the first is 1.
    var place: UInt64

    /// Makes an id.
    init(purpose: Purpose, stream: UInt64, place: UInt64) {
        self.purpose = purpose
        self.stream = stream
        self.place = place
    }

    /// Reads an id of ours, such as `c3-17`; nil for any other text.
    init?(_ text: String) {
        let bytes = text.utf8
        guard let first = bytes.first, let purpose = Purpose(rawValue: first) else { return nil }
        let parts = bytes.dropFirst().split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2, let stream = Self.number(parts[0]), let place = Self.number(parts[1]) else {
            return nil
        }
        self.init(purpose: purpose, stream: stream, place: place)
    }

    /// A number as we write it: digits alone, without a leading zero.
    private static func number(_ digits: Substring.UTF8View) -> UInt64? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.count == 1 || digits.first != 0x30 else {
            return nil
        }
        return UInt64(Substring(digits))
    }
}

extension EventID: CustomStringConvertible {
    /// The id as it is sent.
    var description: String {
        "\(purpose == .call ? "c" : "g")\(stream)-\(place)"
    }
}
