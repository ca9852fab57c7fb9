// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

/// A blocking Unix socket client, as small as a foreign peer's: what is on the wire is what a test says.
///
/// `@unchecked Sendable`: one test uses it, one step after the other.
final class RawSocket: @unchecked Sendable {
    /// In milliseconds, and generous: only a test that fails waits so long.
    private static let patience: CInt = 60_000

    private let descriptor: CInt
    private var isClosed = false

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Failure(what: "connect: errno \(errno)") }
    }

    deinit { close() }

    struct Failure: Error { let what: String }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) async throws {
        try await blocking {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Glibc.send(self.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure(what: "send: errno \(errno)") }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Sends a frame.
    func send(frame: [UInt8]) async throws { try await send(Self.prefixed(frame)) }

    static func prefixed(_ frame: [UInt8]) -> [UInt8] {
        let length = UInt32(frame.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) } + frame
    }

    /// Receives a frame; nil when the peer has closed the connection.
    func frame() async throws -> [UInt8]? {
        try await blocking {
            guard let head = try self.receive(4) else { return nil }
            return try self.receive(head.reduce(0) { $0 << 8 | Int($1) }) ?? []
        }
    }

    /// Whether the peer closes the connection without sending more.
    func isEnded() async throws -> Bool {
        try await blocking { try self.receive(1) == nil }
    }

    private func receive(_ count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, Self.patience) > 0 else { throw Failure(what: "nothing came within a minute") }
            var piece = [UInt8](repeating: 0, count: count - bytes.count)
            let received = recv(descriptor, &piece, piece.count, 0)
            if received == 0 || received < 0 && errno == ECONNRESET {
                guard bytes.isEmpty else { throw Failure(what: "the connection ended within a frame") }
                return nil
            }
            guard received > 0 else { throw Failure(what: "recv: errno \(errno)") }
            bytes += piece.prefix(received)
        }
        return bytes
    }

    /// Sends no more.
    func endInput() { shutdown(descriptor, CInt(SHUT_WR)) }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        _ = Glibc.close(descriptor)
    }

    /// Off Swift's threads, which must not block.
    private func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }
}
