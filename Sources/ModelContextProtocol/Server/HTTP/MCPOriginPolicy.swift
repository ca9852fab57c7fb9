// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1
internal import Values

/// Which web pages may use an endpoint, and under which names it may be reached (MCP, Transports: DNS rebinding).
///
/// A browser says with `Origin` which page a request comes from, and with `Host` what name the page called. Programs
/// that are no browsers send no Origin.
package struct MCPOriginPolicy: Sendable {
    /// The names and addresses under which the endpoint may be reached, without port; nil for any.
    ///
    /// For a server that listens on loopback alone: ``loopbackHosts``.
    package var hosts: [String]?

    /// Origins that are let in besides those of loopback and of ``hosts``, such as `https://app.example`; `*` for any.
    package var origins: [String]

    /// The names of this machine for itself.
    package static let loopbackHosts = ["localhost", "127.0.0.1", "::1"]

    /// Makes a policy.
    package init(hosts: [String]? = MCPOriginPolicy.loopbackHosts, origins: [String] = []) {
        self.hosts = hosts
        self.origins = origins
    }

    /// Why a request is refused; nil when it is not.
    func refusal(of headers: HTTPHeaders) -> (status: HTTPResponseStatus, message: String)? {
        if let hosts, let host = headers.value("host"), !Self.contains(hosts, host) {
            return (
                .misdirectedRequest,
                "this server is not reached under the host \(host); use its own name, or add this one to its hosts"
            )
        }
        guard let origin = headers.value("origin") else { return nil }
        guard headers.count(of: "origin") == 1, isAllowed(origin) else {
            return (
                .forbidden, "requests from the origin \(origin) are not let in; add it to the origins of this server"
            )
        }
        return nil
    }

    private func isAllowed(_ origin: String) -> Bool {
        if origins.contains(where: { $0 == "*" || $0.lowercased().hasSameBytes(as: origin.lowercased()) }) {
            return true
        }
        guard let scheme = origin.firstRange(of: "://") else { return false }
        let host = String(origin[scheme.upperBound...])
        return Self.contains(Self.loopbackHosts, host) || hosts.map { Self.contains($0, host) } ?? false
    }

    /// Whether the host of `host:port` is one of these; an IPv6 address is compared without its brackets.
    private static func contains(_ hosts: [String], _ authority: String) -> Bool {
        var authority = authority
        return authority.withUTF8 { bytes in
            let host: UnsafeBufferPointer<UInt8>.SubSequence
            if bytes.first == UInt8(ascii: "["), let end = bytes.firstIndex(of: UInt8(ascii: "]")) {
                host = bytes[1..<end]
            } else {
                host = bytes.prefix { $0 != UInt8(ascii: ":") }
            }
            return hosts.contains { isSameIgnoringCase(host, $0) }
        }
    }

    /// Names of hosts in headers are ASCII, where case means nothing (RFC 9110, section 4.2.3).
    private static func isSameIgnoringCase(_ host: UnsafeBufferPointer<UInt8>.SubSequence, _ name: String) -> Bool {
        host.count == name.utf8.count && zip(host, name.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
