// SPDX-License-Identifier: Apache-2.0

/// A server as a client reaches it: scheme, host and port, or a Unix socket in place of the last two.
package struct HTTPOrigin: Sendable, Hashable, CustomStringConvertible {
    /// How a server is spoken to.
    package enum Scheme: String, Sendable {
        /// Without TLS.
        case http
        /// With TLS.
        case https
    }

    /// How the server is spoken to.
    package let scheme: Scheme
    /// The name or address of the server, without brackets, in lower case.
    package let host: String
    /// The port.
    package let port: Int
    /// The path of the socket to connect to in place of host and port, which then only name the server; nil for TCP.
    package let unixSocket: String?

    /// What goes into the header field Host.
    package let authority: String

    /// Makes an origin.
    ///
    /// - Parameters:
    ///   - port: nil for 80, or 443 with TLS.
    ///   - unixSocket: an absolute path of at most 107 bytes.
    package init(
        scheme: Scheme = .http, host: String = "localhost", port: Int? = nil, unixSocket: String? = nil
    ) {
        let usual = scheme == .http ? 80 : 443
        self.scheme = scheme
        self.host = host
        self.port = port ?? usual
        self.unixSocket = unixSocket
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        authority = self.port == usual ? name : "\(name):\(self.port)"
    }

    /// Hashes what goes into the header field Host, which nearly always tells origins apart; all of it is compared.
    package func hash(into hasher: inout Hasher) { hasher.combine(authority) }

    /// The origin as operators write it: `http://host:port`, with ` at unix:/path` behind it when it has a socket.
    package var description: String {
        let url = "\(scheme.rawValue)://\(authority)"
        return unixSocket.map { "\(url) at unix:\($0)" } ?? url
    }
}

/// An address such as `http://host:port/path?query`: an origin, and a target there.
package struct HTTPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The server.
    package let origin: HTTPOrigin
    /// Path and query, as they are sent.
    package let target: String

    /// Makes an address of its parts.
    package init(origin: HTTPOrigin, target: String) {
        self.origin = origin
        self.target = target
    }

    /// Reads an address.
    ///
    /// - Parameter unixSocket: where to connect in place of the host and the port.
    /// - Throws: `HTTPAddressError` saying what is wrong.
    package init(_ text: String, unixSocket: String? = nil) throws(HTTPAddressError) {
        let scheme: HTTPOrigin.Scheme
        if text.hasPrefixIgnoringCase("http://") {
            scheme = .http
        } else if text.hasPrefixIgnoringCase("https://") {
            scheme = .https
        } else {
            throw HTTPAddressError(text, "does not begin with http:// or https://")
        }
        let rest = text.utf8.dropFirst(scheme.rawValue.utf8.count + 3)
        guard rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw HTTPAddressError(text, "has a space or a character that is not ASCII; percent-encode it")
        }
        let ends: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")]
        let end = rest.firstIndex { ends.contains($0) } ?? rest.endIndex
        let (host, port) = try Self.hostAndPort(String(decoding: rest[..<end], as: UTF8.self), text)
        let fragment = rest[end...].firstIndex(of: UInt8(ascii: "#")) ?? rest.endIndex
        let target = String(decoding: rest[end..<fragment], as: UTF8.self)
        if let unixSocket {
            guard unixSocket.utf8.first == UInt8(ascii: "/") else {
                throw HTTPAddressError(text, "has a Unix socket whose path is not absolute")
            }
            guard unixSocket.utf8.count <= 107 else {
                throw HTTPAddressError(text, "has a Unix socket with too long a path; it may have 107 bytes")
            }
        }
        origin = HTTPOrigin(scheme: scheme, host: host, port: port, unixSocket: unixSocket)
        self.target = target.utf8.first == UInt8(ascii: "/") ? target : "/" + target
    }

    /// The address as it is written, with the socket behind it.
    package var description: String {
        let url = "\(origin.scheme.rawValue)://\(origin.authority)\(target)"
        return origin.unixSocket.map { "\(url) at unix:\($0)" } ?? url
    }

    private static func hostAndPort(
        _ authority: String, _ text: String
    ) throws(HTTPAddressError) -> (host: String, port: Int?) {
        guard !authority.utf8.contains(UInt8(ascii: "@")) else {
            throw HTTPAddressError(text, "has a user name or password; send credentials as a header instead")
        }
        var host = authority.utf8[...]
        var port: Int?
        let bracket = host.first == UInt8(ascii: "[") ? host.firstIndex(of: UInt8(ascii: "]")) : nil
        let searched = bracket.map { host[$0...] } ?? host
        if let colon = searched.lastIndex(of: UInt8(ascii: ":")) {
            guard
                let number = String(decoding: host[host.index(after: colon)...], as: UTF8.self).decimalNumber,
                (1...65_535).contains(number)
            else { throw HTTPAddressError(text, "has no port from 1 to 65535 behind the colon") }
            port = number
            host = host[..<colon]
        }
        if bracket != nil {
            guard host.last == UInt8(ascii: "]") else {
                throw HTTPAddressError(text, "has something behind the brackets of its host")
            }
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            throw HTTPAddressError(text, "has an IPv6 address without brackets; write http://[address]:port")
        }
        guard !host.isEmpty else { throw HTTPAddressError(text, "has no host") }
        let isHost = host.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            case UInt8(ascii: ":"): bracket != nil
            default: false
            }
        }
        guard isHost else { throw HTTPAddressError(text, "has a host that is no name and no address") }
        let lower = host.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return (String(decoding: lower, as: UTF8.self), port)
    }
}

/// Why a text is no address.
package struct HTTPAddressError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and what to do.
    package let message: String

    init(_ text: String, _ complaint: String) {
        message = "the address \"\(text)\" \(complaint)"
    }

    package var description: String { message }
}
