// SPDX-License-Identifier: Apache-2.0

/// The encoding of `grpc-message`: bytes other than printable ASCII, and `%`, as `%XX` (gRPC over HTTP2, "Responses").
enum PercentEncoding {
    static func encode(_ text: String) -> String {
        guard text.utf8.contains(where: mustBeEncoded) else { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 32)
        for byte in text.utf8 {
            if mustBeEncoded(byte) {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 0xF)])
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func mustBeEncoded(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte > 0x7E || byte == UInt8(ascii: "%")
    }
}
