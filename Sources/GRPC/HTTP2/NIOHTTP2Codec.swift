// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2

/// `HTTP2Codec` by swift-nio-http2's `NIOHTTP2Handler`, whose frames it takes and gives without child channels.
///
/// `NIOHTTP2Handler` leaves inbound flow control to its user. The connection's window is topped up here as soon as bytes
/// arrive, because the bytes buffered are bounded by the byte budget and by the windows of the streams.
final class NIOHTTP2Codec: ChannelInboundHandler, NIOHTTP2FrameDelegate {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let events: any HTTP2Events
    private var context: ChannelHandlerContext?
    private let connectionWindow: Int
    /// What the peer may still send on the connection, as the handler last reported it.
    private var connectionInboundWindow = 65_535
    /// Whether a GOAWAY with an error was written: how an error of the connection is told from one of a stream.
    private var sentFatalGoAway = false
    private var active = false

    init(connectionWindow: Int, events: any HTTP2Events) {
        self.connectionWindow = connectionWindow
        self.events = events
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { activate() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deactivate()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        activate()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deactivate()
        context.fireChannelInactive()
    }

    private func activate() {
        guard !active else { return }
        active = true
        events.connectionActive()
    }

    private func deactivate() {
        guard active else { return }
        active = false
        events.connectionInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .data(let payload):
            guard case .byteBuffer(let buffer) = payload.data else { return }
            events.received(data: buffer, endStream: payload.endStream, on: frame.streamID.number)
        case .headers(let payload):
            events.received(headers: payload.headers, endStream: payload.endStream, on: frame.streamID.number)
        case .rstStream(let code):
            events.receivedReset(
                HTTP2Reason(code: UInt32(truncatingIfNeeded: code.networkCode)), on: frame.streamID.number)
        case .ping(let data, ack: true):
            events.pingAcknowledged(data.integer)
        case .settings(.settings(let settings)):
            events.receivedControlFrame()
            events.receivedSettings(
                maxConcurrentStreams: settings.last { $0.parameter == .maxConcurrentStreams }?.value)
        case .ping(_, ack: false), .priority:
            events.receivedControlFrame()
        case .goAway(let lastStream, let code, _):
            events.receivedGoAway(
                lastStream: lastStream.number, reason: HTTP2Reason(code: UInt32(truncatingIfNeeded: code.networkCode)))
        case .settings(.ack), .windowUpdate, .pushPromise, .alternativeService, .origin:
            break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // By metatype first: these events come five to a call, and each failed cast costs more than all comparisons.
        let type = Swift.type(of: event)
        if type == NIOHTTP2WindowUpdatedEvent.self {
            guard let event = event as? NIOHTTP2WindowUpdatedEvent, let size = event.inboundWindowSize else { return }
            if event.streamID == .rootStream {
                connectionInboundWindow = size
            } else {
                events.inboundWindowChanged(to: size, on: event.streamID.number)
            }
        } else if type == StreamClosedEvent.self {
            guard let event = event as? StreamClosedEvent else { return }
            events.streamClosed(event.streamID.number)
        } else if type == NIOHTTP2BulkStreamWindowChangeEvent.self {
            guard let event = event as? NIOHTTP2BulkStreamWindowChangeEvent else { return }
            events.initialWindowChanged(by: event.delta)
        } else if type != NIOHTTP2StreamCreatedEvent.self {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        topUpConnectionWindow(context)
        events.readComplete()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if sentFatalGoAway || !(error is any NIOHTTP2Error) {
            events.connectionFailed(error)
        } else {
            events.streamFailed(error)
        }
    }

    func wroteFrame(_ frame: HTTP2Frame) {
        if case .goAway(_, let code, _) = frame.payload, code != .noError { sentFatalGoAway = true }
    }

    /// Half a window at a time, so that ordinary traffic costs one WINDOW_UPDATE in thousands of calls.
    private func topUpConnectionWindow(_ context: ChannelHandlerContext) {
        guard connectionInboundWindow <= connectionWindow / 2 else { return }
        let increment = connectionWindow - connectionInboundWindow
        connectionInboundWindow = connectionWindow
        write(.windowUpdate(windowSizeIncrement: increment), on: 0, promise: nil)
    }

    private func write(_ payload: HTTP2Frame.FramePayload, on stream: StreamID, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let frame = HTTP2Frame(streamID: HTTP2StreamID(Int(stream)), payload: payload)
        context.write(wrapOutboundOut(frame), promise: promise)
    }
}

extension NIOHTTP2Codec: HTTP2Codec {
    func sendHeaders(_ headers: HPACKHeaders, on stream: StreamID, endStream: Bool, promise: EventLoopPromise<Void>?) {
        write(.headers(.init(headers: headers, endStream: endStream)), on: stream, promise: promise)
    }

    func sendData(_ data: ByteBuffer, on stream: StreamID, endStream: Bool, promise: EventLoopPromise<Void>?) {
        write(.data(.init(data: .byteBuffer(data), endStream: endStream)), on: stream, promise: promise)
    }

    func sendReset(_ reason: HTTP2Reason, on stream: StreamID) {
        write(.rstStream(HTTP2ErrorCode(networkCode: Int(reason.code))), on: stream, promise: nil)
    }

    func sendWindowUpdate(_ increment: Int, on stream: StreamID) {
        write(.windowUpdate(windowSizeIncrement: increment), on: stream, promise: nil)
    }

    func sendPing(_ data: UInt64) {
        write(.ping(HTTP2PingData(withInteger: data), ack: false), on: 0, promise: nil)
    }

    func sendGoAway(lastStream: StreamID, reason: HTTP2Reason) {
        let payload = HTTP2Frame.FramePayload.goAway(
            lastStreamID: HTTP2StreamID(Int(lastStream)),
            errorCode: HTTP2ErrorCode(networkCode: Int(reason.code)),
            opaqueData: nil
        )
        write(payload, on: 0, promise: nil)
    }

    func flush() {
        context?.flush()
    }
}

extension HTTP2StreamID {
    fileprivate var number: StreamID { StreamID(truncatingIfNeeded: Int(self)) }
}

extension HTTP2PingData {
    fileprivate var integer: UInt64 {
        let b = bytes
        let high = UInt64(b.0) << 56 | UInt64(b.1) << 48 | UInt64(b.2) << 40 | UInt64(b.3) << 32
        return high | UInt64(b.4) << 24 | UInt64(b.5) << 16 | UInt64(b.6) << 8 | UInt64(b.7)
    }
}
