// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Why a connection could not be made, or was lost, in words for whoever operates it.
package enum ConnectionFailure {
    /// The reason alone, without the place: `Connection refused`.
    package static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError:
            return String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            let causes = error.connectionErrors.map { reason($0.error) }
            let lookups = [error.dnsAError, error.dnsAAAAError].compactMap { $0.map { "\($0)" } }
            return (causes.isEmpty ? lookups : causes).joined(separator: ", ")
        case ChannelError.connectTimeout(let time):
            return "no answer within \(time.nanoseconds / 1_000_000) ms"
        default:
            return "\(error)"
        }
    }
}
