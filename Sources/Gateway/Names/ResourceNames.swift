// SPDX-License-Identifier: Apache-2.0

import Values

/// How URIs of upstreams are written towards clients: `git+file:///a` is `file:///a` of the upstream whose prefix is `git`.
///
/// The prefix goes before the scheme, so that what a client makes of a template, and what was never listed, finds its upstream as
/// well, and none can offer what looks like another's. A virtual server that leaves names alone and has one upstream leaves URIs
/// alone as well.
struct ResourceNames: Sendable {
    /// Between a prefix and a URI; no prefix holds it.
    static let separator = UInt8(ascii: "+")

    /// The prefixes, in the order of the virtual server's upstreams; nil for URIs left as they are.
    private let prefixes: [String]?

    /// Leaves all URIs to the one upstream there is.
    static let unchanged = ResourceNames(prefixes: nil)

    /// - Parameter prefixes: The prefixes, in the order of the virtual server's upstreams, each another.
    init(prefixes: [String]?) {
        self.prefixes = prefixes
    }

    /// Whether URIs are left as they are.
    var isUnchanged: Bool { prefixes == nil }

    /// The URI (or template) towards clients.
    func exposed(_ uri: String, of upstream: Int) -> String {
        guard let prefixes else { return uri }
        return "\(prefixes[upstream])+\(uri)"
    }

    /// Whose a URI of a client is, and what that upstream calls it; nil for nobody's.
    func resolve(_ uri: String) -> (upstream: Int, original: String)? {
        guard let prefixes else { return (0, uri) }
        let bytes = uri.utf8
        guard let plus = bytes.firstIndex(of: Self.separator) else { return nil }
        // Clients may normalise a scheme, which is the same in upper and lower case (RFC 3986, section 3.1).
        let prefix = String(
            decoding: bytes[..<plus].map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }, as: UTF8.self)
        guard let upstream = prefixes.firstIndex(where: { $0.hasSameBytes(as: prefix) }) else { return nil }
        return (upstream, String(decoding: bytes[bytes.index(after: plus)...], as: UTF8.self))
    }
}
