// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Sockets

/// Sends the response messages of a streaming call.
package struct GRPCResponseWriter: Sendable {
    private let connection: ServerConnection
    private let stream: CallStream

    init(connection: ServerConnection, stream: CallStream) {
        self.connection = connection
        self.stream = stream
    }

    /// Sends a message and returns once it is written to the socket, which waits for the client's flow control.
    ///
    /// A message made with `GRPCMessage.buffer` is not copied.
    ///
    /// - Throws: when the call is over (cancelled, timed out, disconnected), and RESOURCE_EXHAUSTED when the process
    ///   holds as many bytes as it may.
    package func send(_ message: ByteBuffer) async throws {
        try Task.checkCancellation()
        let connection = connection
        let stream = stream
        guard connection.server.budget.reserve(message.readableBytes) else { throw connection.overBudget }
        defer { connection.server.budget.release(message.readableBytes) }
        let framed = GRPCMessage.framed(message)
        let promise = connection.eventLoop.makePromise(of: Void.self)
        if connection.eventLoop.inEventLoop {
            connection.send(framed, on: stream, promise)
        } else {
            connection.eventLoop.execute { connection.send(framed, on: stream, promise) }
        }
        try await promise.futureResult.get()
    }
}

extension ServerConnection {
    /// Writes one message of a streaming answer.
    func send(_ framed: ByteBuffer, on stream: CallStream, _ promise: EventLoopPromise<Void>) {
        guard !stream.isClosed, stream.answered == nil, let codec else {
            promise.fail(CancellationError())
            return
        }
        if !stream.headersSent {
            stream.headersSent = true
            codec.sendHeaders(ResponseHeaders.initial, on: stream.id, endStream: false, promise: nil)
        }
        stream.sendsInFlight += 1
        promise.futureResult.whenComplete { _ in stream.sendsInFlight -= 1 }
        codec.sendData(framed, on: stream.id, endStream: false, promise: promise)
        if !isReading { scheduleFlush() }
    }
}
