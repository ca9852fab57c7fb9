// SPDX-License-Identifier: Apache-2.0

/// Why a call over a raw socket has no answer.
package struct SocketCallFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Kind: String, Sendable {
        /// The server cannot be reached, does not take the call, or went away before it answered.
        case unavailable
        /// The call's time is over.
        case timeout
        /// The caller does not want it any more.
        case cancelled
        /// The request or the answer is longer than may be.
        case tooLong = "too_long"
        /// The server has become one of another make, which knows no such request; nothing was sent.
        case unknownThere = "unknown_there"
    }

    /// What kind of failure it is.
    package let kind: Kind
    /// What failed, where, and what to do.
    package let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
