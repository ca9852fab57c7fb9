// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore

/// Splits what comes in into lines, and reads only while there is somewhere to put them.
final class LineHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let receiver: any LineChannel.Receiver
    private let maxLine: Int
    private var partial = ByteBuffer()
    /// How many bytes of `partial` have been searched for a line feed.
    private var searched = 0
    private var isPaused = false
    private var isBlocked = false
    private var wantsRead = false
    private var failure: String?
    private var context: ChannelHandlerContext?
    /// What has come before the receiver listens; nil when it does.
    ///
    /// An input whose other end was closed before we had it is read at once, to its end, and never again.
    private var early: [Early]?

    private enum Early {
        case bytes(ByteBuffer)
        case ended(LineChannel.End)
    }

    /// - Parameter waitsForStart: Whether the receiver hears nothing before ``start()``.
    init(receiver: any LineChannel.Receiver, maxLine: Int, waitsForStart: Bool = false) {
        self.receiver = receiver
        self.maxLine = maxLine
        early = waitsForStart ? [] : nil
    }

    /// From now on the receiver hears what comes, and now what has come.
    func start() {
        let events = early ?? []
        early = nil
        for event in events {
            switch event {
            case .bytes(let piece): take(piece)
            case .ended(let end): tell(end)
            }
        }
    }

    private func tell(_ end: LineChannel.End) {
        if early != nil { early?.append(.ended(end)) } else { receiver.ended(end) }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        if isPaused || isBlocked { wantsRead = true } else { context.read() }
    }

    func setPaused(_ isPaused: Bool) {
        self.isPaused = isPaused
        resume()
    }

    func setBlocked(_ isBlocked: Bool) {
        guard self.isBlocked != isBlocked else { return }
        self.isBlocked = isBlocked
        resume()
    }

    private func resume() {
        guard wantsRead, !isPaused, !isBlocked else { return }
        wantsRead = false
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let piece = unwrapInboundIn(data)
        if early != nil { early?.append(.bytes(piece)) } else { take(piece) }
    }

    private func take(_ piece: ByteBuffer) {
        guard failure == nil else { return }
        if partial.readableBytes == 0 {
            partial = piece
            searched = 0
        } else {
            partial.writeImmutableBuffer(piece)
        }
        while true {
            guard let length = partial.lengthOfLine(searched: searched) else { break }
            guard length <= maxLine else { return fail() }
            searched = 0
            guard let line = partial.readSlice(length: length) else { break }
            partial.moveReaderIndex(forwardBy: 1)
            guard !line.isBlank else { continue }
            receiver.received(line)
        }
        searched = partial.readableBytes
        if searched == 0 { partial = ByteBuffer() }
        if searched > maxLine { fail() }
    }

    private func fail() {
        let reason = "a line is longer than the limit of \(maxLine) bytes"
        failure = reason
        receiver.ended(.overlong(reason))
        partial = ByteBuffer()
        context?.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent { tell(.inputClosed) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = "reading or writing failed: \(error)" }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tell(.closed(failure ?? "the other end has closed it"))
        context.fireChannelInactive()
    }
}

extension ByteBuffer {
    /// How long the first line is, without its end; nil when that is not there.
    ///
    /// - Parameter searched: How many bytes are known to have none.
    fileprivate func lengthOfLine(searched: Int) -> Int? {
        withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress, bytes.count > searched,
                let end = memchr(start + searched, 0x0A, bytes.count - searched)
            else { return nil }
            return UnsafeRawPointer(end) - start
        }
    }

    /// Whether there is nothing in it but spaces, tabs and carriage returns.
    fileprivate var isBlank: Bool {
        withUnsafeReadableBytes { bytes in bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
    }
}
