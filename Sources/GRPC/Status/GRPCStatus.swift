// SPDX-License-Identifier: Apache-2.0

/// How a call ended, as gRPC tells it: a code, and a message for people.
///
/// A handler throws it to end its call with a status other than OK.
package struct GRPCStatus: Error, Sendable, Equatable, CustomStringConvertible {
    /// A gRPC status code (gRPC: doc/statuscodes.md).
    package struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        package let rawValue: UInt8

        /// A code by its number; numbers above 16 are not codes.
        package init?(rawValue: UInt8) {
            guard rawValue <= 16 else { return nil }
            self.rawValue = rawValue
        }

        private init(_ known: UInt8) {
            rawValue = known
        }

        package static let ok = Code(0)
        package static let cancelled = Code(1)
        package static let unknown = Code(2)
        package static let invalidArgument = Code(3)
        package static let deadlineExceeded = Code(4)
        package static let notFound = Code(5)
        package static let alreadyExists = Code(6)
        package static let permissionDenied = Code(7)
        package static let resourceExhausted = Code(8)
        package static let failedPrecondition = Code(9)
        package static let aborted = Code(10)
        package static let outOfRange = Code(11)
        package static let unimplemented = Code(12)
        package static let `internal` = Code(13)
        package static let unavailable = Code(14)
        package static let dataLoss = Code(15)
        package static let unauthenticated = Code(16)

        /// The code as gRPC's documents write it.
        package var description: String {
            let names: [String] = [
                "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
                "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
                "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
            ]
            return names[Int(rawValue)]
        }
    }

    /// The status code.
    package var code: Code

    /// What happened and what to do about it; empty for OK.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code): \(message)" }
}
