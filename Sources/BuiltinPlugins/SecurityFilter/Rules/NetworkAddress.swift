// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// An IP address in any spelling that a system's resolver takes.
///
/// IPv4: one to four numbers, each decimal, octal (`0177`) or hexadecimal (`0x7f`), the last one filling the rest
/// (`127.1`, `2130706433`). IPv6: RFC 4291, with or without an IPv4 address inside.
struct NetworkAddress: Equatable {
    /// Four bytes or sixteen.
    let bytes: [UInt8]

    init?(_ text: String) {
        if text.utf8.contains(0x3A) {
            var address = in6_addr()
            guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
            bytes = withUnsafeBytes(of: &address) { Array($0) }
        } else {
            // inet_aton stops at white space, which a host never has.
            guard let first = text.utf8.first, TextBytes.isDigit(first), !text.utf8.contains(where: TextBytes.isSpace)
            else { return nil }
            var address = in_addr()
            guard inet_aton(text, &address) == 1 else { return nil }
            bytes = withUnsafeBytes(of: &address) { Array($0) }
        }
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// Whether it is an address of the public internet, by IANA's registries of special-purpose addresses.
    var isPublic: Bool { bytes.count == 4 ? isPublicIPv4 : isPublicIPv6 }

    private var isPublicIPv4: Bool {
        switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (224..., _): false
        case (100, 64...127), (169, 254), (172, 16...31), (192, 168), (198, 18...19): false
        case (192, 0): bytes[2] != 0 && bytes[2] != 2
        case (198, 51): bytes[2] != 100
        case (203, 0): bytes[2] != 113
        // The address at which Azure's virtual machines reach their host.
        case (168, 63): !(bytes[2] == 129 && bytes[3] == 16)
        default: true
        }
    }

    private var isPublicIPv6: Bool {
        if let inner = embedded { return inner.isPublic }
        // Everything in use on the public internet is in 2000::/3.
        guard bytes[0] & 0xE0 == 0x20 else { return false }
        let isDocumentation = bytes.starts(with: [0x20, 0x01, 0x0D, 0xB8])
        let isTeredo = bytes.starts(with: [0x20, 0x01, 0, 0])
        return !isDocumentation && !isTeredo
    }

    /// The IPv4 address inside a mapped (`::ffff:0:0/96`), compatible (`::/96`), translated (`64:ff9b::/96`) or
    /// 6to4 (`2002::/16`) one.
    private var embedded: NetworkAddress? {
        let zeros = [UInt8](repeating: 0, count: 10)
        if bytes.starts(with: [0x20, 0x02]) { return NetworkAddress(bytes: Array(bytes[2..<6])) }
        let isMapped = bytes.starts(with: zeros + [0xFF, 0xFF])
        let isCompatible = bytes.starts(with: zeros + [0, 0])
        let isTranslated = bytes.starts(with: [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
        return isMapped || isCompatible || isTranslated ? NetworkAddress(bytes: Array(bytes[12..<16])) : nil
    }
}
