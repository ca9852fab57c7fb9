// SPDX-License-Identifier: Apache-2.0

/// Where a server listens: a TCP port or a Unix domain socket.
package enum ListenAddress: Sendable, Equatable {
    /// A TCP port of a host.
    ///
    /// `host` is an IPv4 or IPv6 address, or a name (then every address the name has is listened on). Port 0 lets the
    /// system choose a free port.
    case tcp(host: String, port: Int)

    /// A Unix domain socket in the file system.
    case unix(UnixSocketSettings)
}

extension ListenAddress: CustomStringConvertible {
    /// The address as operators write it: `127.0.0.1:50051`, `[::1]:50051`, `unix:/run/plugins.sock`.
    package var description: String {
        switch self {
        case .tcp(let host, let port):
            return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let settings):
            return "unix:\(settings.path)"
        }
    }
}

/// How a Unix domain socket is made and who may connect to it.
package struct UnixSocketSettings: Sendable, Equatable {
    /// The absolute path of the socket file, at most 107 bytes (the size of `sun_path` less its end, unix(7)).
    package var path: String

    /// The permission bits of the socket file.
    ///
    /// Default 0600: only the server's own user may connect.
    package var mode: UInt32

    /// The group that owns the socket file, by name or number; nil keeps the group of the process.
    package var group: String?

    package init(path: String, mode: UInt32 = 0o600, group: String? = nil) {
        self.path = path
        self.mode = mode
        self.group = group
    }
}
