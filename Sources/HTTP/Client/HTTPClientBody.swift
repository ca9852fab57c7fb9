// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The body of an answer as it arrives: to be read once, by one task at a time.
///
/// While nobody reads, about `readAhead` bytes are kept and the server has to wait.
package struct HTTPClientBody: Sendable {
    private let call: HTTPClientCall
    /// Nil when the body is complete already.
    private let guardian: Guardian?

    /// Closes the connection when nobody is left who could read the rest.
    private final class Guardian: Sendable {
        let call: HTTPClientCall

        init(_ call: HTTPClientCall) {
            self.call = call
        }

        deinit {
            call.fail(HTTPClientError(.cancelled, "the answer of \(call.origin) was not read to its end"))
        }
    }

    init(_ call: HTTPClientCall) {
        self.call = call
        guardian = call.isComplete ? nil : Guardian(call)
    }

    /// The next bytes; nil at the end.
    ///
    /// Cancelling the task closes the connection and throws.
    package func next() async throws(HTTPClientError) -> ByteBuffer? {
        try await call.nextPiece().get()
    }

    /// Sets when the body must be complete; nil for never, such as for a stream of events.
    ///
    /// At first it is the deadline of the request.
    package func setDeadline(_ deadline: NIODeadline?) {
        call.setDeadline(deadline)
    }

    /// Closes the connection, without waiting for the rest; a reader that waits gets an error.
    package func cancel() {
        call.fail(.cancelled(call.origin))
    }

    func collect(upTo limit: Int) async throws(HTTPClientError) -> ByteBuffer {
        var all = ByteBuffer()
        while let piece = try await next() {
            guard all.readableBytes + piece.readableBytes <= limit else {
                let error = HTTPClientError(
                    .tooLarge, "the answer of \(call.origin) is over the limit of \(limit) bytes")
                call.fail(error)
                throw error
            }
            if all.readableBytes == 0 {
                all = piece
            } else {
                all.writeImmutableBuffer(piece)
            }
        }
        return all
    }
}
