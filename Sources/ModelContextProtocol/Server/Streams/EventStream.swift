// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOCore
internal import NIOHTTP1

/// Streams of events, as MCP uses them.
enum EventStream {
    static let headers: HTTPHeaders = [
        "content-type": "text/event-stream", "cache-control": "no-cache, no-transform", "x-accel-buffering": "no",
    ]

    /// One message as an event.
    ///
    /// - Parameter id: what the client comes back with when its connection breaks behind this event; nil when it cannot.
    static func event(_ message: [UInt8], _ id: EventID? = nil) -> ByteBuffer {
        var buffer = ByteBuffer()
        ServerSentEvent(event: "message", id: id?.description, data: ByteBuffer(bytes: message)).write(into: &buffer)
        return buffer
    }

    /// An event without data, which tells the client an id before there is a message (MCP 2025-11-25, Sending Messages).
    static func priming(_ id: EventID) -> ByteBuffer {
        var buffer = ByteBuffer()
        ServerSentEvent(id: id.description, data: ByteBuffer()).write(into: &buffer)
        return buffer
    }

    /// What precedes the early end of a stream: when the client may come back (MCP 2025-11-25, Sending Messages).
    static func closing(retry: Duration) -> ByteBuffer {
        var buffer = ByteBuffer()
        let milliseconds = TimeAmount(retry).nanoseconds / 1_000_000
        ServerSentEvent(retry: Int(milliseconds), data: ByteBuffer()).write(into: &buffer)
        return buffer
    }
}
