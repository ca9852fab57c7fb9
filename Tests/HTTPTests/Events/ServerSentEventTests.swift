// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

/// The rules of WHATWG HTML, section 9.2.6.
@Suite struct ServerSentEventTests {
    private struct Case: Sendable {
        let text: String
        let events: [ServerSentEvent]
    }

    private static func event(
        _ data: String, event: String? = nil, id: String? = nil, retry: Int? = nil
    ) -> ServerSentEvent {
        ServerSentEvent(event: event, id: id, retry: retry, data: ByteBuffer(string: data))
    }

    private static let cases = [
        Case(text: "data: a\n\n", events: [event("a")]),
        Case(text: "data:a\r\rdata: b\r\n\r\n", events: [event("a"), event("b")]),
        Case(text: "\u{FEFF}data: a\n\n", events: [event("a")]),
        Case(text: "data: \u{FEFF}a\n\n", events: [event("\u{FEFF}a")]),
        Case(text: "data: a\ndata: b\r\ndata\rdata:  c\n\n", events: [event("a\nb\n\n c")]),
        Case(text: ": comment\n\n:\n\ndata: a\n: in between\ndata: b\n\n", events: [event("a\nb")]),
        Case(
            text: "event: x\nid: 7\nretry: 100\nunknown: y\ndata: a\n\n",
            events: [event("a", event: "x", id: "7", retry: 100)]),
        Case(text: "id: 1\ndata:\n\n", events: [event("", id: "1")]),
        Case(text: "retry: 10x\nid: a\u{0}b\ndata: a\n\n", events: [event("a")]),
        Case(text: "event: x\n\ndata: a\n\n", events: [event("a")]),
        Case(text: "event:\ndata: ü\u{2028}ü\n\n", events: [event("ü\u{2028}ü")]),
        Case(text: "data: never ended\n", events: []),
    ]

    private func decode(_ pieces: [ArraySlice<UInt8>], limit: Int = 1_000) throws -> [ServerSentEvent] {
        var decoder = ServerSentEventDecoder(maxEventSize: limit)
        var events: [ServerSentEvent] = []
        for piece in pieces {
            decoder.feed(ByteBuffer(bytes: piece))
            while let event = try decoder.next() { events.append(event) }
        }
        return events
    }

    @Test func aStreamCutAnywhereIsTheSameStream() throws {
        for example in Self.cases {
            let bytes = Array(example.text.utf8)[...]
            #expect(try decode([bytes]) == example.events, "\(example.text.debugDescription)")
            for cut in bytes.indices {
                #expect(try decode([bytes[..<cut], bytes[cut...]]) == example.events, "cut at \(cut)")
            }
            #expect(try decode(bytes.indices.map { bytes[$0...$0] }) == example.events)
        }
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let events = [
            Self.event("{\"a\":1}", event: "message", id: "x-1", retry: 500), Self.event(""), Self.event("\n\na\n"),
        ]
        var buffer = ByteBuffer()
        for event in events {
            event.write(into: &buffer)
            buffer.writeImmutableBuffer(ServerSentEvent.comment)
        }
        #expect(try decode([Array(buffer.readableBytesView)[...]]) == events)
    }

    @Test func lineBreaksCannotWriteFieldsOfTheirOwn() throws {
        var buffer = ByteBuffer()
        Self.event("a\r\nid: 9\rb", event: "x\ndata: y", id: "1\r2").write(into: &buffer)
        #expect(
            try decode([Array(buffer.readableBytesView)[...]]) == [Self.event("a\nid: 9\nb", event: "x", id: "1")])
    }

    @Test func anEventOverTheLimitIsAnErrorHoweverItComes() throws {
        let long = Array(("data: " + String(repeating: "a", count: 60) + "\n").utf8)
        for text in [long + long, Array("data: ".utf8) + Array(repeating: 0x61, count: 200)] {
            #expect(throws: ServerSentEventError.self) { try decode([text[...]], limit: 100) }
            #expect(throws: ServerSentEventError.self) { try decode(text.indices.map { text[$0...$0] }, limit: 100) }
        }
        // Comments and events before do not count.
        let many = Array(String(repeating: ":\n", count: 500).utf8) + long + [0x0A] + long + [0x0A]
        #expect(try decode([many[...]], limit: 100).count == 2)
    }

    @Test func theLastIdIsRemembered() throws {
        var decoder = ServerSentEventDecoder(maxEventSize: 100)
        decoder.feed(ByteBuffer(string: "id: 1\ndata: a\n\ndata: b\n\nid: 2\n"))
        while try decoder.next() != nil {}
        #expect(decoder.lastEventID == "1")
        decoder.feed(ByteBuffer(string: "\n"))
        _ = try decoder.next()
        #expect(decoder.lastEventID == "2")
    }

    @Test func textThatIsNotUTF8IsAnError() {
        #expect(throws: ServerSentEventError.self) { try decode([[0x69, 0x64, 0x3A, 0xFF, 0x0A, 0x0A]]) }
    }
}
