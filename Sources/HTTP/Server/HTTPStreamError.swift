// SPDX-License-Identifier: Apache-2.0

import Sockets

/// Why a piece of a streamed answer could not be written.
package struct HTTPStreamError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package struct Code: Sendable, Hashable {
        private enum Name { case closed, tooSlow, outOfMemory }

        private let name: Name

        /// The client is gone, or the stream was ended before.
        package static let closed = Code(name: .closed)
        /// The client has left more bytes than it may.
        package static let tooSlow = Code(name: .tooSlow)
        /// The process holds as many bytes as it may.
        package static let outOfMemory = Code(name: .outOfMemory)
    }

    /// What kind of failure it is.
    package let code: Code
    /// What failed and what to do about it.
    package let message: String

    package var description: String { message }

    var endsTheStream: Bool { code != .closed }

    /// The stream is closed.
    package static let closed = HTTPStreamError(
        code: .closed, message: "the stream is closed: its client is gone, or it was ended")

    static func tooSlow(_ configuration: HTTPServerConfiguration) -> HTTPStreamError {
        HTTPStreamError(
            code: .tooSlow,
            message: "the client leaves more than \(configuration.maxStreamBacklog) bytes of the stream; "
                + "read faster, or raise \(configuration.key("max_stream_backlog"))")
    }

    static func outOfMemory(_ budget: ByteBudget) -> HTTPStreamError {
        HTTPStreamError(
            code: .outOfMemory,
            message: "this process holds as many bytes of messages as it may (\(budget.limit)); "
                + "try again later, or raise gatehouse.memory_budget")
    }
}
