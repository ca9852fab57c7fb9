// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// Drains a child's standard error, so that the child never waits for it, and hands on its lines.
///
/// Used on one event loop only.
final class StandardErrorReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Longer lines are cut.
    private static let maxLine = 8 << 10

    private let sink: @Sendable (String) -> Void
    private var line: [UInt8] = []

    init(_ sink: @escaping @Sendable (String) -> Void) {
        self.sink = sink
    }

    /// Reads from a descriptor, which is owned from now on, until the other end is closed.
    static func open(
        _ descriptor: CInt, on eventLoop: any EventLoop, sink: @escaping @Sendable (String) -> Void
    ) async throws -> any Channel {
        try await NIOPipeBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StandardErrorReader(sink))
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
            .get()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for byte in unwrapInboundIn(data).readableBytesView {
            if byte == 0x0A {
                flush()
            } else if line.count < Self.maxLine {
                line.append(byte)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        flush()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func flush() {
        if line.last == 0x0D { line.removeLast() }
        guard !line.isEmpty else { return }
        sink(String(decoding: line, as: UTF8.self))
        line.removeAll(keepingCapacity: true)
    }
}
