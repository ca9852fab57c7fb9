// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Values

extension HTTPAddress {
    /// The address that a server of the HTTP+SSE transport names for messages, seen from that of its stream (RFC 3986, section 5.2).
    ///
    /// - Throws: for another scheme, host or port than that of the stream: messages, and the credentials with them, would go to
    ///   somebody else (MCP 2024-11-05, Transports).
    func endpoint(_ reference: String) throws(MCPClientError) -> HTTPAddress {
        let text = Array(reference.utf8)
        guard !text.isEmpty, text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .transport(
                "\(self) names an endpoint for messages that is no URI reference; see the server's settings")
        }
        if let absolute = absolute(reference, text) {
            let found: HTTPAddress
            do throws(HTTPAddressError) {
                found = try HTTPAddress(absolute, unixSocket: origin.unixSocket)
            } catch {
                throw .transport("\(self) names an endpoint for messages that cannot be used: \(error.message)")
            }
            guard found.origin == origin else {
                throw .transport(
                    "\(self) wants its messages at \(found.origin), which is another origin; give the server's own address"
                )
            }
            return found
        }
        let withoutFragment = text.prefix { $0 != UInt8(ascii: "#") }
        let query = withoutFragment.firstIndex(of: UInt8(ascii: "?")) ?? withoutFragment.endIndex
        let base = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        let path: [UInt8]
        switch withoutFragment.first {
        case UInt8(ascii: "?"), nil: path = base
        case UInt8(ascii: "/"): path = Self.withoutDots(Array(withoutFragment[..<query]))
        default:
            let folder = base.prefix((base.lastIndex(of: UInt8(ascii: "/")) ?? 0) + 1)
            path = Self.withoutDots(Array(folder) + withoutFragment[..<query])
        }
        return HTTPAddress(origin: origin, target: String(decoding: path + withoutFragment[query...], as: UTF8.self))
    }

    /// A reference with a scheme or a host as a whole address; nil for one that is within this server.
    private func absolute(_ reference: String, _ text: [UInt8]) -> String? {
        if text.starts(with: "//".utf8) { return "\(origin.scheme.rawValue):\(reference)" }
        let ends: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")]
        return text.prefix { !ends.contains($0) }.contains(UInt8(ascii: ":")) ? reference : nil
    }

    /// A path without `.` and `..` (RFC 3986, section 5.2.4).
    private static func withoutDots(_ path: [UInt8]) -> [UInt8] {
        var segments: [ArraySlice<UInt8>] = []
        let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (position, part) in parts.enumerated() {
            let isDots = part.elementsEqual("..".utf8)
            if isDots { _ = segments.popLast() }
            if !isDots, !part.elementsEqual(".".utf8) {
                segments.append(part)
            } else if position == parts.count - 1 {
                segments.append([])
            }
        }
        return [UInt8(ascii: "/")] + segments.joined(separator: "/".utf8)
    }
}
