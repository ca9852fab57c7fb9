// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A blocking client on a Unix socket: writes a request, reads until the answer is whole, again and again.
///
/// `@unchecked Sendable`: used by one step at a time.
final class PingPong: @unchecked Sendable {
    private let descriptor: Int32
    /// The last answer.
    private(set) var answer: [UInt8] = []
    private var piece = [UInt8](repeating: 0, count: 16 << 10)

    /// Connects, as soon as somebody listens there.
    init(path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8) + [0]
        try expect(bytes.count <= MemoryLayout.size(ofValue: address.sun_path), "the path \(path) is too long")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try expect(descriptor >= 0, "no socket can be made")
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        try expect(isConnected, "nobody listens at \(path)")
    }

    deinit { close(descriptor) }

    /// One exchange.
    ///
    /// - Parameter length: How long the answer is, once its bytes so far tell; nil while they do not.
    func exchange(_ request: [UInt8], length: ([UInt8]) -> Int?) throws {
        var sent = 0
        while sent < request.count {
            let count = request.withUnsafeBytes { write(descriptor, $0.baseAddress! + sent, request.count - sent) }
            try expect(count > 0, "the server closed the connection while it was written to")
            sent += count
        }
        answer.removeAll(keepingCapacity: true)
        while true {
            if let length = length(answer), answer.count >= length {
                try expect(answer.count == length, "the answer is \(answer.count) bytes long instead of \(length)")
                return
            }
            let count = read(descriptor, &piece, piece.count)
            try expect(count > 0, "the server closed the connection instead of answering")
            answer += piece[..<count]
        }
    }
}
