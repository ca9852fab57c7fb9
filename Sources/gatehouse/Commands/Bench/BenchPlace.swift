// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where a server listens.
enum BenchPlace: Sendable, CustomStringConvertible {
    /// A TCP port of this machine.
    case port(UInt16)
    /// A Unix socket.
    case unixSocket(String)

    /// The address or the path, as clients take it.
    var description: String {
        switch self {
        case .port(let port): "127.0.0.1:\(port)"
        case .unixSocket(let path): path
        }
    }

    /// A port that is free now; servers that cannot tell which port they got need to be given one.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchFailure("no socket can be made: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isBound else {
            throw BenchFailure("no port can be had on 127.0.0.1: \(String(cString: strerror(errno)))")
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Whether somebody accepts connections there.
    var isAccepting: Bool {
        switch self {
        case .port(let port):
            var address = Self.loopback(port: port)
            return withUnsafePointer(to: &address) { Self.connects(AF_INET, $0) }
        case .unixSocket(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8) + [0]
            guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else { return false }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            return withUnsafePointer(to: &address) { Self.connects(AF_UNIX, $0) }
        }
    }

    private static func connects<Address>(_ family: Int32, _ address: UnsafePointer<Address>) -> Bool {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            connect(descriptor, address, socklen_t(MemoryLayout<Address>.size)) == 0
        }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return address
    }
}
