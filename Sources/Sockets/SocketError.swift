// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why a server could not listen on an address.
package struct SocketError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Name: String {
            case invalidAddress, addressInUse, permissionDenied, systemFailure
        }

        private let name: Name

        /// The address itself is unusable: a name that does not resolve, a path too long, a missing folder.
        package static let invalidAddress = Code(name: .invalidAddress)
        /// Another server listens there, or a file that is not a socket is in the way.
        package static let addressInUse = Code(name: .addressInUse)
        /// The process may not listen there.
        package static let permissionDenied = Code(name: .permissionDenied)
        /// The system refused for another reason, given in `errno`.
        package static let systemFailure = Code(name: .systemFailure)

        package var description: String { name.rawValue }
    }

    /// What kind of failure it is.
    package let code: Code

    /// What failed, where and what to do about it.
    package let message: String

    /// The system's error number, when a system call failed.
    package let errno: CInt?

    package init(code: Code, message: String, errno: CInt? = nil) {
        self.code = code
        self.message = message
        self.errno = errno
    }

    package var description: String { message }

    /// An error of a system call, with the advice that fits its number.
    static func system(_ number: CInt, _ what: String) -> SocketError {
        let reason = String(cString: strerror(number))
        switch number {
        case EADDRINUSE:
            return SocketError(
                code: .addressInUse,
                message: "\(what): \(reason); stop the server that uses it, or choose another address",
                errno: number
            )
        case EACCES, EPERM:
            return SocketError(
                code: .permissionDenied,
                message: "\(what): \(reason); choose an address this user may listen on, or give it the right",
                errno: number
            )
        case EADDRNOTAVAIL:
            return SocketError(
                code: .invalidAddress,
                message: "\(what): \(reason); use an address of this machine, or 0.0.0.0 or :: for all",
                errno: number
            )
        default:
            return SocketError(
                code: .systemFailure,
                message: "\(what): \(reason); check the address and the limits of the process",
                errno: number
            )
        }
    }
}
