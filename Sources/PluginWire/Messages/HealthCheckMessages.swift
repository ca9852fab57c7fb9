// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Asks the contract's own Health service, older than the standard one, whether the server serves.
package struct HealthCheckRequest: WireMessage, Equatable {
    /// Whose health; empty for the whole server.
    package var service: String

    /// Makes a request.
    package init(service: String = "") {
        self.service = service
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        service = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var service = ""
            while let tag = try reader.nextTag() {
                if tag == WireTag(1, .lengthDelimited) {
                    service = try reader.string("service")
                } else {
                    try reader.skip(tag)
                }
            }
            return service
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        var writer = WireWriter()
        writer.field(1, service)
        writer.finish(into: &buffer)
    }
}

/// Whether a server serves.
package struct HealthCheckResponse: WireMessage, Equatable {
    /// What a server says of itself.
    ///
    /// The numbers are those of the standard health service too.
    package enum Status: Int32, Sendable {
        /// It does not know.
        case unknown = 0
        /// It answers calls.
        case serving = 1
        /// It does not answer calls, or is about to stop.
        case notServing = 2
        /// It has no such service.
        case serviceUnknown = 3
    }

    /// What the server says.
    package var status: Status

    /// Makes an answer.
    package init(status: Status) {
        self.status = status
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        status = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var status = Status.unknown
            while let tag = try reader.nextTag() {
                if tag == WireTag(1, .varint) {
                    // A number from a later version of the contract says nothing that is known here.
                    status = Status(rawValue: Int32(truncatingIfNeeded: try reader.varint())) ?? .unknown
                } else {
                    try reader.skip(tag)
                }
            }
            return status
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        var writer = WireWriter()
        writer.field(1, status.rawValue)
        writer.finish(into: &buffer)
    }
}
