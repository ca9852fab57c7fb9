// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension ListeningSocket {
    /// Listens on every address of a host.
    ///
    /// With port 0 the first address decides the port of the others.
    static func openTCP(host: String, port: Int, backlog: CInt) throws -> ListeningSocket {
        let requested = ListenAddress.tcp(host: host, port: port)
        guard (0...65_535).contains(port) else {
            throw SocketError(
                code: .invalidAddress,
                message: "cannot listen on \(requested): \(port) is no port; use 1 to 65535, or 0 for any free one"
            )
        }
        var descriptors: [CInt] = []
        var addresses: [ListenAddress] = []
        var chosenPort = UInt16(port)
        do {
            for candidate in try resolve(host, requested: requested) {
                var candidate = candidate
                candidate.setPort(chosenPort)
                let descriptor = try candidate.listen(backlog: backlog, requested: requested)
                descriptors.append(descriptor)
                let bound = try SocketName(ofLocalEndOf: descriptor)
                chosenPort = bound.port
                addresses.append(.tcp(host: bound.host, port: Int(bound.port)))
            }
        } catch {
            for descriptor in descriptors { _ = Glibc.close(descriptor) }
            throw error
        }
        return ListeningSocket(requested: requested, addresses: addresses, descriptors: descriptors)
    }

    private static func resolve(_ host: String, requested: ListenAddress) throws -> [SocketName] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_protocol = CInt(IPPROTO_TCP)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        // An empty host would mean "all" to getaddrinfo; a configuration that says nothing must not open everything.
        let result = host.utf8.isEmpty ? EAI_NONAME : getaddrinfo(host, nil, &hints, &list)
        guard result == 0, let first = list else {
            throw SocketError(
                code: .invalidAddress,
                message: "cannot listen on \(requested): \(String(cString: gai_strerror(result))); "
                    + "check the host's name, or give an IP address"
            )
        }
        defer { freeaddrinfo(first) }
        var names: [SocketName] = []
        for entry in sequence(first: first, next: { $0.pointee.ai_next }) {
            guard let address = entry.pointee.ai_addr else { continue }
            let name = SocketName(copying: address, length: entry.pointee.ai_addrlen)
            if !names.contains(name) { names.append(name) }
        }
        return names
    }
}

/// The name of an Internet socket (`sockaddr_in` or `sockaddr_in6`), kept as the bytes the system uses.
private struct SocketName: Equatable {
    private var bytes: [UInt8]

    init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        bytes = [UInt8](UnsafeRawBufferPointer(start: address, count: Int(length)))
    }

    init(ofLocalEndOf descriptor: CInt) throws {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw SocketError.system(errno, "cannot tell the address listened on") }
        bytes = withUnsafeBytes(of: &storage) { [UInt8]($0.prefix(Int(length))) }
    }

    private func with<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        // A sockaddr_storage for the alignment; the bytes came from a name no longer than that.
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(bytes.count)) }
        }
    }

    private var family: CInt { with { address, _ in CInt(address.pointee.sa_family) } }

    /// The port; at the same place for both families (RFC 3493, section 3.3).
    var port: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

    mutating func setPort(_ port: UInt16) {
        bytes[2] = UInt8(port >> 8)
        bytes[3] = UInt8(port & 0xFF)
    }

    /// The address as text.
    var host: String {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = with { getnameinfo($0, $1, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) }
        guard result == 0 else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func listen(backlog: CInt, requested: ListenAddress) throws -> CInt {
        let family = self.family
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError.system(errno, "cannot listen on \(requested)") }
        var yes: CInt = 1
        // SO_REUSEADDR lets a restart bind while old connections linger; never SO_REUSEPORT, which would let a second
        // server take half of our connections.
        var ok = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size)) == 0
        if ok, family == AF_INET6 {
            // "::" serves IPv4 as well; a single IPv6 address serves only itself, so that its IPv4 twin can be bound.
            var only: CInt = bytes.count >= 24 && bytes[8..<24].allSatisfy { $0 == 0 } ? 0 : 1
            ok = setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &only, socklen_t(MemoryLayout<CInt>.size)) == 0
        }
        if ok { ok = with { bind(descriptor, $0, $1) } == 0 }
        if ok { ok = Glibc.listen(descriptor, backlog) == 0 }
        guard ok else {
            let number = errno
            _ = Glibc.close(descriptor)
            throw SocketError.system(number, "cannot listen on \(requested)")
        }
        return descriptor
    }
}
