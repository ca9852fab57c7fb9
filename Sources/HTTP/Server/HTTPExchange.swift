// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOHTTP1
package import Sockets
import Synchronization

/// One request's way to its answer.
///
/// Every method may be called from any thread; on the event loop of the connection it does its work at once, elsewhere
/// it is brought there. The first answer counts: a second one is dropped, with a line in the log.
package final class HTTPExchange: Sendable {
    private let connection: HTTPServerConnection
    /// Which of the connection's requests it belongs to.
    private let number: UInt64
    private let isAnswered = Atomic<Bool>(false)
    private let review = Mutex<HTTPHeadReview?>(nil)

    init(connection: HTTPServerConnection, number: UInt64) {
        self.connection = connection
        self.number = number
    }

    deinit {
        guard !isAnswered.load(ordering: .relaxed) else { return }
        // Its connection would wait for ever.
        let connection = connection
        let number = number
        connection.onLoop { connection.unanswered(number) }
    }

    /// The event loop of the connection.
    package var eventLoop: any EventLoop { connection.eventLoop }

    /// The memory that the server's buffered messages share.
    package var budget: ByteBudget { connection.server.budget }

    /// Answers the request.
    package func send(_ response: HTTPServerResponse) {
        guard claim() else { return }
        guard let review = review.withLock({ $0 }) else { return deliver(response) }
        review(response.status, response.headers) { [self] reviewed in
            switch reviewed {
            case .send(let headers):
                deliver(HTTPServerResponse(status: response.status, headers: headers, body: response.body))
            case .refuse(let refusal):
                deliver(refusal)
            }
        }
    }

    private func deliver(_ response: HTTPServerResponse) {
        if connection.eventLoop.inEventLoop {
            connection.answer(number, with: response)
        } else {
            let connection = connection
            let number = number
            connection.eventLoop.execute { connection.answer(number, with: response) }
        }
    }

    /// Begins an answer whose body comes in pieces.
    ///
    /// - Returns: where to write the body; its `finish` ends the answer.
    package func stream(status: HTTPResponseStatus, headers: HTTPHeaders) -> HTTPResponseStream {
        let stream = HTTPResponseStream(connection: connection, number: number)
        guard claim() else {
            stream.closed()
            return stream
        }
        let connection = connection
        let number = number
        guard let review = review.withLock({ $0 }) else {
            connection.onLoop { connection.beginStream(stream, number, status: status, headers: headers) }
            return stream
        }
        // What is written meanwhile waits in the stream.
        review(status, headers) { [self] reviewed in
            switch reviewed {
            case .send(let headers):
                connection.onLoop { connection.beginStream(stream, number, status: status, headers: headers) }
            case .refuse(let refusal):
                stream.closed()
                deliver(refusal)
            }
        }
        return stream
    }

    /// Has the head of the answer looked at before it goes out, by something that may take time.
    ///
    /// To be called before the request is answered.
    package func reviewHead(_ review: @escaping HTTPHeadReview) {
        self.review.withLock { $0 = review }
    }

    /// Calls `action` when the client goes away before the answer is complete.
    ///
    /// Called on the event loop, at most once; at once when the client is gone already, never when the answer is complete.
    ///
    /// - Parameter endOfInput: whether a client that has closed only its sending side has gone, for requests whose clients cancel them so;
    ///   else it is still there, unless the answer is a stream.
    package func onClose(orEndOfInput endOfInput: Bool = false, _ action: @escaping @Sendable () -> Void) {
        if connection.eventLoop.inEventLoop {
            connection.whenClosed(number, orEndOfInput: endOfInput, action)
        } else {
            let connection = connection
            let number = number
            connection.eventLoop.execute { connection.whenClosed(number, orEndOfInput: endOfInput, action) }
        }
    }

    private func claim() -> Bool {
        guard isAnswered.exchange(true, ordering: .relaxed) else { return true }
        connection.answeredTwice()
        return false
    }
}

/// Looks at the head of an answer, and calls `proceed` once, from any thread.
package typealias HTTPHeadReview =
    @Sendable (
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders,
        _ proceed: @escaping @Sendable (HTTPReviewedHead) -> Void
    ) -> Void

/// What becomes of the head of an answer that was looked at.
package enum HTTPReviewedHead: Sendable {
    /// The answer goes out, with these headers.
    case send(HTTPHeaders)
    /// Another answer goes out in its place.
    case refuse(HTTPServerResponse)
}
