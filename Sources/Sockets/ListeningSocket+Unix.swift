// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension ListeningSocket {
    /// Listens on a Unix domain socket.
    ///
    /// Never open to others for an instant: the mode of the unbound socket, which `bind` gives to the file, is 0600, and
    /// the mode asked for is set before `listen`, until when every connection is refused.
    ///
    /// Of two servers that start at once one wins: looking at the old file, replacing it, and listening all happen under
    /// an exclusive `flock` of the folder. Locking the folder leaves no lock file behind, whose removal would be a race
    /// of its own.
    static func openUnix(_ settings: UnixSocketSettings, backlog: CInt) throws -> ListeningSocket {
        let requested = ListenAddress.unix(settings)
        let path = settings.path
        let folder = try validFolder(of: path, requested: requested)
        let lock = try FolderLock(folder, requested: requested)
        defer { lock.unlock() }
        var warnings: [String] = []
        if let warning = lock.warning(folder) { warnings.append(warning) }

        try clearPath(path, requested: requested)
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError.system(errno, "cannot listen on \(requested)") }
        var file: UnixSocketFile?
        do {
            guard fchmod(descriptor, 0o600) == 0, UnixName(path).with({ bind(descriptor, $0, $1) }) == 0 else {
                throw SocketError.system(errno, "cannot listen on \(requested)")
            }
            file = try UnixSocketFile(path: path, requested: requested)
            try setOwner(settings, requested: requested)
            guard Glibc.listen(descriptor, backlog) == 0 else {
                throw SocketError.system(errno, "cannot listen on \(requested)")
            }
        } catch {
            _ = Glibc.close(descriptor)
            file?.removeLocked()
            throw error
        }
        return ListeningSocket(
            requested: requested,
            addresses: [requested],
            descriptors: [descriptor],
            warnings: warnings,
            unixFile: file
        )
    }

    private static func validFolder(of path: String, requested: ListenAddress) throws -> String {
        func invalid(_ reason: String) -> SocketError {
            SocketError(code: .invalidAddress, message: "cannot listen on \(requested): \(reason)")
        }
        let bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/"), let slash = bytes.lastIndex(of: UInt8(ascii: "/")),
            slash + 1 < bytes.count
        else { throw invalid("the path must be absolute and name a file; write it as /folder/name.sock") }
        guard !bytes.contains(0) else { throw invalid("the path contains a zero byte; remove it") }
        guard bytes.count <= UnixName.maximumLength else {
            throw invalid(
                "the path has \(bytes.count) bytes, and a socket's at most \(UnixName.maximumLength); choose a shorter one"
            )
        }
        let folder = slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
        var status = stat()
        guard stat(folder, &status) == 0 else {
            throw errno == ENOENT
                ? invalid("the folder \(folder) does not exist; create it first")
                : SocketError.system(errno, "cannot listen on \(requested)")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw invalid("\(folder) is not a folder; choose another path")
        }
        return folder
    }

    /// Removes a socket nobody answers on; refuses anything else that is in the way.
    private static func clearPath(_ path: String, requested: ListenAddress) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SocketError.system(errno, "cannot listen on \(requested)")
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SocketError(
                code: .addressInUse,
                message: "cannot listen on \(requested): a file that is not a socket is in the way; "
                    + "remove it yourself, or choose another path"
            )
        }
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let probe = socket(AF_UNIX, type, 0)
        guard probe >= 0 else { throw SocketError.system(errno, "cannot listen on \(requested)") }
        defer { _ = Glibc.close(probe) }
        let result = UnixName(path).with { connect(probe, $0, $1) }
        let number = result == 0 ? 0 : errno
        switch number {
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw SocketError.system(errno, "cannot replace the stale socket \(path)")
            }
        case ENOENT:
            break
        case 0, EAGAIN, EINPROGRESS:
            // EAGAIN: somebody listens and its queue is full.
            throw SocketError(
                code: .addressInUse,
                message: "cannot listen on \(requested): another server is listening there; "
                    + "stop it, or choose another path"
            )
        default:
            throw SocketError.system(number, "cannot tell whether \(path) is in use")
        }
    }

    private static func setOwner(_ settings: UnixSocketSettings, requested: ListenAddress) throws {
        if let group = settings.group {
            guard let id = groupID(group) else {
                throw SocketError(
                    code: .invalidAddress,
                    message: "cannot listen on \(requested): there is no group \(group); create it, or name another"
                )
            }
            guard lchown(settings.path, uid_t.max, id) == 0 else {
                throw SocketError.system(errno, "cannot give \(settings.path) to the group \(group)")
            }
        }
        // After the group, because a change of owner may clear bits, and bind has applied the umask.
        guard chmod(settings.path, mode_t(settings.mode & 0o777)) == 0 else {
            throw SocketError.system(errno, "cannot set the mode of \(settings.path)")
        }
    }

    private static func groupID(_ name: String) -> gid_t? {
        if let number = gid_t(name) { return number }
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        let result = getgrnam_r(name, &entry, &buffer, buffer.count, &found)
        return result == 0 && found != nil ? entry.gr_gid : nil
    }
}

/// A `sockaddr_un` for a path that is known to fit.
struct UnixName {
    /// `sun_path` has 108 bytes, the last for the zero at the end (unix(7)).
    static let maximumLength = 107

    private var address = sockaddr_un()

    init(_ path: String) {
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(Self.maximumLength)) }
    }

    func with<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
