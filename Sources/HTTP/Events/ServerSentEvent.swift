// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// An event of an event stream (WHATWG HTML, section 9.2).
package struct ServerSentEvent: Sendable, Equatable {
    /// Its type; nil for `message`.
    package var event: String?
    /// The id that a client sends back when it resumes; nil when it sets none.
    package var id: String?
    /// After how many milliseconds a client connects again; nil when it sets none.
    package var retry: Int?
    /// What it says; line ends within are LF.
    package var data: ByteBuffer

    /// Makes an event.
    package init(event: String? = nil, id: String? = nil, retry: Int? = nil, data: ByteBuffer) {
        self.event = event
        self.id = id
        self.retry = retry
        self.data = data
    }

    /// Writes the event as the lines of a stream.
    ///
    /// Type and id may have no line break, and the id no NUL: what is behind one is left out, so that nobody can write
    /// fields of his own. Each line of the data, however it ends, becomes a field of its own.
    package func write(into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: data.readableBytes + 64)
        if let event {
            buffer.writeStaticString("event: ")
            buffer.writeFieldText(event)
        }
        if let id {
            buffer.writeStaticString("id: ")
            buffer.writeFieldText(id)
        }
        if let retry {
            buffer.writeStaticString("retry: ")
            buffer.writeString(String(max(0, retry)))
            buffer.writeStaticString("\n")
        }
        var rest = data
        while true {
            buffer.writeStaticString("data: ")
            let lineEnd = rest.readableBytesView.firstIndex { $0 == 0x0A || $0 == 0x0D }
            guard let lineEnd, let line = rest.readSlice(length: lineEnd - rest.readerIndex) else {
                buffer.writeImmutableBuffer(rest)
                buffer.writeStaticString("\n\n")
                return
            }
            buffer.writeImmutableBuffer(line)
            buffer.writeStaticString("\n")
            if rest.readInteger(as: UInt8.self) == 0x0D, rest.getInteger(at: rest.readerIndex, as: UInt8.self) == 0x0A {
                rest.moveReaderIndex(forwardBy: 1)
            }
        }
    }

    /// A line that clients pass over: it keeps a connection from looking idle.
    package static let comment = ByteBuffer(string: ":\n\n")
}

extension ByteBuffer {
    fileprivate mutating func writeFieldText(_ text: String) {
        writeBytes(text.utf8.prefix { $0 != 0x0A && $0 != 0x0D && $0 != 0 })
        writeStaticString("\n")
    }
}
