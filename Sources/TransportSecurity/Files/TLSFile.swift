// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One file that a TLS setting names.
struct TLSFile: Sendable {
    /// The key within `tls` that names it.
    let key: String
    let path: String

    /// Far more than any chain or bundle has: the system's own bundle has a quarter of it.
    private static let limit = 1 << 20

    func fault(_ message: String) -> TLSSettingsError { TLSSettingsError(key: key, "\"\(path)\" \(message)") }

    /// All of the file.
    func read() throws(TLSSettingsError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw unreadable(errno) }
        guard information.st_mode & S_IFMT == S_IFREG else { throw fault("is no file; give the path of a PEM file") }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(errno) }
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= Self.limit else {
                throw fault("has more than \(Self.limit) bytes; give a file with nothing but what is needed (PEM)")
            }
        }
    }

    private func unreadable(_ number: CInt) -> TLSSettingsError {
        let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
        return fault("cannot be read: \(reason); give the path of a file that this user may read (PEM)")
    }
}

/// What tells whether a file has been changed: written, replaced, or reached by another link.
struct FileFingerprint: Sendable, Equatable {
    private let device: UInt
    private let inode: UInt
    private let size: Int
    private let modified: [Int]
    private let changed: [Int]
    private let failure: CInt

    /// Looks at the file that the path leads to now, through all links.
    init(of path: String) {
        var information = stat()
        failure = stat(path, &information) == 0 ? 0 : errno
        device = UInt(information.st_dev)
        inode = UInt(information.st_ino)
        size = Int(information.st_size)
        modified = [information.st_mtim.tv_sec, information.st_mtim.tv_nsec]
        changed = [information.st_ctim.tv_sec, information.st_ctim.tv_nsec]
    }
}
