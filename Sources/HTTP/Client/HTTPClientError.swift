// SPDX-License-Identifier: Apache-2.0

/// Why a request of a client has no answer, or not all of it.
package struct HTTPClientError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Name: String {
            case unreachable, connectionLost, deadlineExceeded, cancelled, malformedAnswer, tooLarge, busy
            case invalidRequest, shutDown
        }

        private let name: Name

        /// There is no connection to the server: its name has no address, it refuses, its certificate is not trusted.
        package static let unreachable = Code(name: .unreachable)
        /// The connection ended before the answer was complete.
        package static let connectionLost = Code(name: .connectionLost)
        /// The answer was not complete at the deadline.
        package static let deadlineExceeded = Code(name: .deadlineExceeded)
        /// The task that asked was cancelled.
        package static let cancelled = Code(name: .cancelled)
        /// What came is no answer of HTTP.
        package static let malformedAnswer = Code(name: .malformedAnswer)
        /// The answer is larger than it may be.
        package static let tooLarge = Code(name: .tooLarge)
        /// The process holds as many bytes as it may.
        package static let busy = Code(name: .busy)
        /// The request cannot be sent, such as for a line break in a header field.
        package static let invalidRequest = Code(name: .invalidRequest)
        /// The client is shut down.
        package static let shutDown = Code(name: .shutDown)

        package var description: String { name.rawValue }
    }

    /// What kind of failure it is.
    package let code: Code
    /// What failed, where and what to do about it.
    package let message: String
    /// Whether the server surely has not begun to serve the request, so that it may be sent again.
    package let isUnsent: Bool

    init(_ code: Code, _ message: String, isUnsent: Bool = false) {
        self.code = code
        self.message = message
        self.isUnsent = isUnsent
    }

    package var description: String { message }
}
