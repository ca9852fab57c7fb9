// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Where a channel connects to, as gRPC writes it (gRPC: doc/naming.md).
///
/// `host:port`, `dns:///host:port`, `ipv4:address:port,…`, `ipv6:[address]:port,…` and `unix:/path`.
package struct GRPCTarget: Sendable, Hashable, CustomStringConvertible {
    /// How the addresses are found.
    enum Location: Sendable, Hashable {
        /// They are those of a name, which is looked up.
        case name(host: String, port: Int)
        /// They are given.
        case addresses([SocketAddress])
    }

    let location: Location

    /// The host that is looked up; nil for a target of addresses.
    package var host: String? {
        guard case .name(let host, _) = location else { return nil }
        return host
    }

    /// What goes into `:authority`.
    let authority: String

    /// The target in its shortest form: `host:port`, `unix:/path`, a list with its scheme.
    package let description: String

    /// Reads a target.
    ///
    /// - Throws: `GRPCTargetError` saying what is wrong.
    package init(_ text: String) throws(GRPCTargetError) {
        if let rest = Self.rest(of: text, after: "unix:") {
            self = try Self.unix(rest, text)
        } else if let rest = Self.rest(of: text, after: "dns:") {
            var name = rest
            if let rest = Self.rest(of: name, after: "//") {
                guard let path = Self.rest(of: rest, after: "/") else {
                    throw GRPCTargetError(text, "names a DNS server; leave it out: dns:///host:port")
                }
                name = path
            }
            self = try Self.host(name, text)
        } else if let rest = Self.rest(of: text, after: "ipv4:") {
            self = try Self.list(rest, text, scheme: "ipv4")
        } else if let rest = Self.rest(of: text, after: "ipv6:") {
            self = try Self.list(rest, text, scheme: "ipv6")
        } else {
            self = try Self.host(text, text)
        }
    }

    /// The target of a Unix socket.
    ///
    /// - Throws: `GRPCTargetError` when the path is not absolute, or too long.
    package init(unixSocket path: String) throws(GRPCTargetError) {
        self = try Self.unix(path, "unix:\(path)")
    }

    private init(_ location: Location, authority: String, description: String) {
        self.location = location
        self.authority = authority
        self.description = description
    }

    private static func rest(of text: String, after prefix: StaticString) -> String? {
        guard text.hasPrefixBytes(prefix) else { return nil }
        return String(decoding: text.utf8.dropFirst(prefix.utf8CodeUnitCount), as: UTF8.self)
    }

    private static func unix(_ rest: String, _ text: String) throws(GRPCTargetError) -> GRPCTarget {
        let path = Self.rest(of: rest, after: "//") ?? rest
        guard path.utf8.first == UInt8(ascii: "/") else {
            throw GRPCTargetError(text, "needs an absolute path: unix:/path")
        }
        do {
            // A path has no authority; "localhost" is what other clients send, too.
            return GRPCTarget(
                .addresses([try SocketAddress(unixDomainSocketPath: path)]), authority: "localhost",
                description: "unix:\(path)")
        } catch {
            throw GRPCTargetError(text, "has too long a path; a socket's may have 107 bytes")
        }
    }

    private static func list(_ rest: String, _ text: String, scheme: String) throws(GRPCTargetError) -> GRPCTarget {
        var addresses: [SocketAddress] = []
        var authority = ""
        for part in rest.split(separator: ",", omittingEmptySubsequences: false) {
            let (host, port) = try hostAndPort(String(part), text)
            let isIPv6 = host.utf8.contains(UInt8(ascii: ":"))
            guard isIPv6 == (scheme == "ipv6"), let address = try? SocketAddress(ipAddress: host, port: port) else {
                throw GRPCTargetError(text, "has \"\(part)\", which is no \(scheme) address with a port")
            }
            if authority.isEmpty { authority = isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
            if !addresses.contains(address) { addresses.append(address) }
        }
        let description = addresses.count == 1 ? authority : "\(scheme):\(rest)"
        return GRPCTarget(.addresses(addresses), authority: authority, description: description)
    }

    private static func host(_ name: String, _ text: String) throws(GRPCTargetError) -> GRPCTarget {
        let (host, port) = try hostAndPort(name, text)
        let authority = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        if let address = try? SocketAddress(ipAddress: host, port: port) {
            return GRPCTarget(.addresses([address]), authority: authority, description: authority)
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName else { throw GRPCTargetError(text, "has a host that is no name; give host:port") }
        return GRPCTarget(.name(host: host, port: port), authority: authority, description: authority)
    }

    private static func hostAndPort(_ part: String, _ text: String) throws(GRPCTargetError) -> (String, Int) {
        let advice = "is no host:port; give one, such as plugins.example.com:50051"
        let bytes = Array(part.utf8)
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")), colon > 0 else { throw GRPCTargetError(text, advice) }
        let digits = bytes[(colon + 1)...]
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { throw GRPCTargetError(text, "has no port from 1 to 65535 at its end; give host:port") }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            throw GRPCTargetError(text, "has an IPv6 address without brackets; write [address]:port")
        }
        guard !host.isEmpty else { throw GRPCTargetError(text, advice) }
        return (String(decoding: host, as: UTF8.self), port)
    }
}

/// Why a text is no target.
package struct GRPCTargetError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and what to do.
    package let message: String

    init(_ text: String, _ complaint: String) {
        message = "the gRPC target \"\(text)\" \(complaint)"
    }

    package var description: String { message }
}
