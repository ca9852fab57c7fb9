// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The body of an answer as it arrives: to be read once, by one task at a time.
///
/// While nobody reads, at most `readAhead` bytes are kept and the server has to wait.
package final class HTTPClientBody: Sendable {
    /// The next bytes; nil at the end.
    package func next() async throws(HTTPClientError) -> ByteBuffer? {
        throw HTTPClientError(.shutDown, "not yet")
    }

    /// Sets when the body must be complete; nil for never, such as for a stream of events.
    ///
    /// At first it is the deadline of the request.
    package func setDeadline(_ deadline: NIODeadline?) {}

    /// Closes the connection, without waiting for the rest.
    package func cancel() {}

    func collect(upTo limit: Int) async throws(HTTPClientError) -> ByteBuffer {
        throw HTTPClientError(.shutDown, "not yet")
    }
}
