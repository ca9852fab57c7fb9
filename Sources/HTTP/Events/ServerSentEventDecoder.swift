// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Reads an event stream from pieces of any size (WHATWG HTML, section 9.2.6).
///
/// Lines end with LF, CR or CRLF; a byte order mark at the very beginning is passed over, as are comments and unknown
/// fields. An event that is not ended by an empty line is never returned.
package struct ServerSentEventDecoder {
    /// The most bytes of one event, all of its lines together.
    package let maxEventSize: Int

    /// The id of the last event that had one, which a client sends in `Last-Event-ID` to resume.
    package private(set) var lastEventID: String?

    /// What has arrived of a line that is not whole.
    private var line = ByteBuffer()
    /// How many bytes of `line` have been searched for its end.
    private var searched = 0
    private var isAtStart = true
    private var skipsLineFeed = false

    private var event: String?
    private var id: String?
    private var retry: Int?
    private var data = ByteBuffer()
    private var hasData = false
    private var size = 0

    /// Makes a decoder for the beginning of a stream.
    package init(maxEventSize: Int) {
        self.maxEventSize = maxEventSize
    }

    /// Takes a piece of the stream.
    package mutating func feed(_ bytes: ByteBuffer) {
        if line.readableBytes == 0 {
            line = bytes
            searched = 0
        } else {
            line.writeImmutableBuffer(bytes)
        }
    }

    /// The next event that is whole; nil when more has to be fed.
    ///
    /// - Throws: `ServerSentEventError` for an event over the limit, or a text that is not UTF-8; the decoder is of no
    ///   further use then.
    package mutating func next() throws(ServerSentEventError) -> ServerSentEvent? {
        while var text = nextLine() {
            size += text.readableBytes + 1
            guard size <= maxEventSize else { throw .tooLarge(maxEventSize) }
            if isAtStart {
                isAtStart = false
                if text.readableBytesView.starts(with: [0xEF, 0xBB, 0xBF]) { text.moveReaderIndex(forwardBy: 3) }
            }
            if text.readableBytes > 0 {
                try take(text)
            } else if let event = endOfEvent() {
                return event
            }
        }
        guard size + line.readableBytes <= maxEventSize else { throw .tooLarge(maxEventSize) }
        return nil
    }

    /// The next whole line, without its end.
    private mutating func nextLine() -> ByteBuffer? {
        if skipsLineFeed, line.readableBytes > 0 {
            skipsLineFeed = false
            if line.getInteger(at: line.readerIndex, as: UInt8.self) == 0x0A { line.moveReaderIndex(forwardBy: 1) }
        }
        let view = line.readableBytesView
        guard let end = view.dropFirst(searched).firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else {
            searched = line.readableBytes
            if searched == 0 { line = ByteBuffer() }
            return nil
        }
        searched = 0
        // The LF of a CRLF may be in the next piece.
        skipsLineFeed = view[end] == 0x0D
        let text = line.readSlice(length: end - line.readerIndex)
        line.moveReaderIndex(forwardBy: 1)
        return text
    }

    private mutating func take(_ text: ByteBuffer) throws(ServerSentEventError) {
        let view = text.readableBytesView
        let colon = view.firstIndex(of: UInt8(ascii: ":")) ?? view.endIndex
        var value = text
        value.moveReaderIndex(to: min(colon + 1, text.writerIndex))
        if value.getInteger(at: value.readerIndex, as: UInt8.self) == 0x20 { value.moveReaderIndex(forwardBy: 1) }
        let name = view[..<colon]
        // A comment belongs to no event.
        if name.isEmpty { size -= text.readableBytes + 1 }
        if name.elementsEqual("data".utf8) {
            if hasData { data.writeStaticString("\n") }
            if hasData { data.writeImmutableBuffer(value) } else { data = value }
            hasData = true
        } else if name.elementsEqual("event".utf8) {
            event = try string(value)
        } else if name.elementsEqual("id".utf8) {
            // An id with a NUL is no id.
            if !value.readableBytesView.contains(0) { id = try string(value) }
        } else if name.elementsEqual("retry".utf8) {
            if let number = try string(value).decimalNumber { retry = number }
        }
    }

    private mutating func endOfEvent() -> ServerSentEvent? {
        if let id { lastEventID = id }
        defer {
            event = nil
            id = nil
            retry = nil
            data = ByteBuffer()
            hasData = false
            size = 0
        }
        // An event without data only changes what is remembered; ours tells its reader that, too.
        guard hasData || id != nil || retry != nil else { return nil }
        return ServerSentEvent(event: event?.isEmpty == true ? nil : event, id: id, retry: retry, data: data)
    }

    private func string(_ bytes: ByteBuffer) throws(ServerSentEventError) -> String {
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw .notUTF8 }
        return text
    }
}

/// Why a text is no event stream.
package struct ServerSentEventError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    package let message: String

    package var description: String { message }

    static func tooLarge(_ limit: Int) -> ServerSentEventError {
        ServerSentEventError(message: "an event of the stream is over the limit of \(limit) bytes")
    }

    static let notUTF8 = ServerSentEventError(message: "a field of an event is not UTF-8")
}
