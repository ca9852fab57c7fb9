// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The file of a Unix socket we have bound, told apart from a successor at the same path by its inode.
struct UnixSocketFile: Sendable {
    private let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Remembers the identity of the file that `bind` has just made.
    init(path: String, requested: ListenAddress) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SocketError.system(errno, "cannot listen on \(requested)") }
        self.path = path
        self.device = UInt64(status.st_dev)
        self.inode = UInt64(status.st_ino)
    }

    /// Removes the file if it is still the one we made; another server's is left alone.
    func remove() {
        // Under the folder's lock, so that no successor replaces the file between our look and the removal. When the lock
        // is not to be had the file stays: a stale file is replaced by the next server, a removed live one is an outage.
        guard let lock = try? FolderLock(folder, requested: .unix(UnixSocketSettings(path: path))) else { return }
        removeLocked()
        lock.unlock()
    }

    /// The same for a caller that holds the folder's lock.
    func removeLocked() {
        var status = stat()
        guard lstat(path, &status) == 0, UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode else { return }
        _ = unlink(path)
    }

    private var folder: String {
        let bytes = Array(path.utf8)
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash > 0 else { return "/" }
        return String(decoding: bytes[..<slash], as: UTF8.self)
    }
}

/// An exclusive lock on a folder, held while a socket file in it is replaced or removed.
struct FolderLock {
    private let descriptor: CInt

    /// How long another starting server may hold the lock before we give up, in milliseconds.
    private static let patience = 5_000

    init(_ folder: String, requested: ListenAddress) throws {
        descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SocketError.system(errno, "cannot open the folder \(folder)") }
        var waited = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let number = errno
            if number == EINTR { continue }
            guard number == EWOULDBLOCK, waited < Self.patience else {
                _ = Glibc.close(descriptor)
                guard number == EWOULDBLOCK else {
                    throw SocketError.system(number, "cannot lock the folder \(folder)")
                }
                throw SocketError(
                    code: .addressInUse,
                    message: "cannot listen on \(requested): another process keeps the folder \(folder) locked; "
                        + "end it, or choose a folder of your own",
                    errno: number
                )
            }
            usleep(10_000)
            waited += 10
        }
    }

    func unlock() {
        _ = Glibc.close(descriptor)
    }

    /// A warning when everybody may write to the folder, where anybody can then put a socket of the same name.
    func warning(_ folder: String) -> String? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IWOTH != 0 else { return nil }
        let sticky = status.st_mode & S_ISVTX != 0
        return "the folder \(folder) of the socket is writable by everybody"
            + (sticky ? "" : " and others can remove files there")
            + "; use one that only the server's user may write to"
    }
}
