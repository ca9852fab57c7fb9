// SPDX-License-Identifier: Apache-2.0

import CZlib
import NIOCore

/// A compression that `grpc-encoding` can name (gRPC: doc/compression.md).
enum MessageEncoding: Sendable {
    case identity, gzip, deflate

    /// What `grpc-accept-encoding` announces.
    static let accepted = "identity,deflate,gzip"

    init?(headerValue: String) {
        if headerValue.isSame(as: "identity") {
            self = .identity
        } else if headerValue.isSame(as: "gzip") {
            self = .gzip
        } else if headerValue.isSame(as: "deflate") {
            self = .deflate
        } else {
            return nil
        }
    }

    /// The decompressed message.
    ///
    /// - Throws: `GRPCStatus` INTERNAL when the flag of the message and the encoding do not fit, or the bytes cannot be
    ///   decompressed; RESOURCE_EXHAUSTED as soon as more than `limit` bytes come out.
    func decompress(_ message: ByteBuffer, limit: ByteLimit) throws(GRPCStatus) -> ByteBuffer {
        switch self {
        case .identity:
            throw GRPCStatus(
                .internal,
                "a message is marked as compressed, and no grpc-encoding was named; name it, or clear the flag"
            )
        case .gzip:
            return try inflate(message, windowBits: 16 + MAX_WBITS, limit: limit)
        case .deflate:
            return try inflate(message, windowBits: MAX_WBITS, limit: limit)
        }
    }

    private func inflate(_ message: ByteBuffer, windowBits: Int32, limit: ByteLimit) throws(GRPCStatus) -> ByteBuffer {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw GRPCStatus(.internal, "a message cannot be decompressed for lack of memory; try again later") }
        defer { inflateEnd(&stream) }
        let corrupt = GRPCStatus(
            .internal,
            "a compressed message is damaged or cut off; compress it as grpc-encoding says"
        )
        var output = ByteBuffer()
        var status = Z_OK
        message.withUnsafeReadableBytes { input in
            // zlib takes a mutable pointer and does not write through it.
            stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            stream.avail_in = UInt32(truncatingIfNeeded: input.count)
            // Output grows with what comes out: a claim of size inside the data is never believed.
            while status == Z_OK, output.readableBytes <= limit.bytes {
                // At most one byte beyond the limit, which is how passing it is noticed.
                let room = min(max(4 * message.readableBytes, 1 << 12), 1 << 18, limit.bytes + 1 - output.readableBytes)
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                    stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
                    stream.avail_out = UInt32(room)
                    status = CZlib.inflate(&stream, Z_NO_FLUSH)
                    return room - Int(stream.avail_out)
                }
                // No input left and no end of stream: cut off.
                if status == Z_OK, stream.avail_in == 0, stream.avail_out > 0 { break }
            }
        }
        guard output.readableBytes <= limit.bytes else {
            throw limit.exceeded("that was decompressed")
        }
        guard status == Z_STREAM_END, stream.avail_in == 0 else { throw corrupt }
        return output
    }
}
