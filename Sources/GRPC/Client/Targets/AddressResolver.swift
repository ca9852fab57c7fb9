// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore
import NIOPosix

/// Finds the addresses of a name.
package struct AddressResolver: Sendable {
    /// Looks a name up; throws `AddressLookupError` when it has no address.
    let lookUp: @Sendable (_ host: String, _ port: Int) async throws -> [SocketAddress]

    /// A resolver of one's own, for tests.
    package init(_ lookUp: @escaping @Sendable (_ host: String, _ port: Int) async throws -> [SocketAddress]) {
        self.lookUp = lookUp
    }

    /// The system's: `/etc/hosts`, DNS, and whatever else it is configured for.
    package static let system = AddressResolver { host, port in
        // getaddrinfo blocks, for seconds when a DNS server is gone.
        try await NIOThreadPool.singleton.runIfActive { try resolve(host, port) }
    }

    private static func resolve(_ host: String, _ port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_protocol = CInt(IPPROTO_TCP)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, nil, &hints, &list)
        guard result == 0, let first = list else {
            throw AddressLookupError(message: "\(host) cannot be resolved: \(String(cString: gai_strerror(result)))")
        }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        for entry in sequence(first: first, next: { $0.pointee.ai_next }) {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let length = socklen_t(text.count)
            guard
                getnameinfo(entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let numeric = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard let address = try? SocketAddress(ipAddress: numeric, port: port) else { continue }
            if !addresses.contains(address) { addresses.append(address) }
        }
        guard !addresses.isEmpty else { throw AddressLookupError(message: "\(host) has no address") }
        return addresses
    }
}

/// Why a name has no addresses.
struct AddressLookupError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
