// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK

/// The number of an HTTP/2 stream.
typealias StreamID = Int32

/// An HTTP/2 error code (RFC 9113, section 7).
struct HTTP2Reason: Sendable, Equatable {
    let code: UInt32

    static let noError = HTTP2Reason(code: 0x0)
    static let protocolError = HTTP2Reason(code: 0x1)
    static let refusedStream = HTTP2Reason(code: 0x7)
    static let cancel = HTTP2Reason(code: 0x8)
    static let enhanceYourCalm = HTTP2Reason(code: 0xb)
    static let inadequateSecurity = HTTP2Reason(code: 0xc)

    /// The name that the RFC gives the code.
    var name: String {
        let names: [String] = [
            "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
            "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
        ]
        return code < UInt32(names.count) ? names[Int(code)] : "code \(code)"
    }
}

/// The sending half of HTTP/2, for one connection: all that the gRPC layer asks of it.
///
/// Frames, HPACK, connection state and outbound flow control are behind this protocol and `HTTP2Events`, so that the
/// implementation can be exchanged. Everything is called on the connection's event loop.
protocol HTTP2Codec: AnyObject {
    /// Queues HEADERS, which wait behind DATA of the same stream that flow control holds back.
    func sendHeaders(_ headers: HPACKHeaders, on stream: StreamID, endStream: Bool, promise: EventLoopPromise<Void>?)

    /// Queues DATA, split and held back as flow control demands; the promise is kept when the last byte was written.
    func sendData(_ data: ByteBuffer, on stream: StreamID, endStream: Bool, promise: EventLoopPromise<Void>?)

    /// Ends a stream at once; what is queued for it is dropped.
    func sendReset(_ reason: HTTP2Reason, on stream: StreamID)

    /// Lets the peer send `increment` more bytes on a stream.
    func sendWindowUpdate(_ increment: Int, on stream: StreamID)

    /// Sends a PING; the answer comes as `pingAcknowledged`.
    func sendPing(_ data: UInt64)

    /// Announces that streams above `lastStream` will not be served (RFC 9113, section 6.8).
    func sendGoAway(lastStream: StreamID, reason: HTTP2Reason)

    /// Writes what is queued to the socket, as far as flow control lets it.
    func flush()
}

/// The receiving half: what a codec tells the gRPC layer.
protocol HTTP2Events: AnyObject {
    /// The connection is ready for use.
    func connectionActive()
    /// A header block arrived: a request, or trailers.
    func received(headers: HPACKHeaders, endStream: Bool, on stream: StreamID)
    /// Bytes of a DATA frame arrived, without padding; a frame may come in several pieces.
    func received(data: ByteBuffer, endStream: Bool, on stream: StreamID)
    /// The peer may send this many more bytes on a stream.
    func inboundWindowChanged(to size: Int, on stream: StreamID)
    /// The peer has taken note of our initial window size, which changes what it may send on every open stream.
    func initialWindowChanged(by delta: Int)
    /// The peer ended a stream with RST_STREAM; `streamClosed` follows.
    func receivedReset(_ reason: HTTP2Reason, on stream: StreamID)
    /// Both sides are done with a stream, or it was reset; it must not be used any more.
    func streamClosed(_ stream: StreamID)
    /// A PING, SETTINGS or PRIORITY frame arrived (and was answered).
    func receivedControlFrame()
    /// The answer to our PING.
    func pingAcknowledged(_ data: UInt64)
    /// The peer announced that it will open no more streams, and take none above `lastStream`.
    ///
    /// Those above are closed by the codec afterwards; the peer has done nothing for them (RFC 9113, section 6.8).
    func receivedGoAway(lastStream: StreamID, reason: HTTP2Reason)
    /// The peer's settings: how many streams we may have open at a time, if it says so.
    func receivedSettings(maxConcurrentStreams: Int?)
    /// The peer broke the rules of one stream, which the codec has reset.
    func streamFailed(_ error: any Error)
    /// The connection cannot go on; the codec has sent GOAWAY where it could.
    func connectionFailed(_ error: any Error)
    /// All that had arrived has been delivered: the moment to flush.
    func readComplete()
    /// The connection is gone.
    func connectionInactive()
}
