// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads and writes the files of certificates and keys.
enum CertificateWriter {
    static func exists(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0
    }

    static func read(_ path: String) throws(CertificateError) -> String {
        do throws(TLSSettingsError) {
            return String(decoding: try TLSFile(key: "", path: path).read(), as: UTF8.self)
        } catch {
            throw CertificateError(error.message)
        }
    }

    /// Writes a file whole or not at all: nobody ever reads half of it, and a key is never open to others.
    ///
    /// - Parameters:
    ///   - replaces: Whether a file that is there is replaced; an error otherwise.
    ///   - keepsCopy: Whether it is then kept beside it, as `NAME.TIME.bak`.
    static func write(
        _ text: String, to path: String, mode: mode_t, replaces: Bool, keepsCopy: Bool
    ) throws(CertificateError) {
        try makeFolder(parent(of: path))
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("cannot be written", path) }
        defer { unlink(temporary) }
        do {
            defer { close(descriptor) }
            // The mode that `open` was given is less whatever the umask takes away.
            guard fchmod(descriptor, mode) == 0, writeAll(Array(text.utf8), descriptor), fsync(descriptor) == 0 else {
                throw failure("cannot be written", path)
            }
        }
        guard replaces else {
            guard link(temporary, path) == 0 else {
                guard errno == EEXIST else { throw failure("cannot be written", path) }
                throw CertificateError("\"\(path)\" is there already; --force replaces it, and keeps a copy")
            }
            return
        }
        if keepsCopy, exists(path) {
            let time = "\(CertificateTime.now)".filter { $0 != ":" && $0 != "-" }
            var copy = "\(path).\(time).bak"
            var number = 1
            while exists(copy) {
                number += 1
                copy = "\(path).\(time)-\(number).bak"
            }
            guard link(path, copy) == 0 else { throw failure("cannot be kept as \"\(copy)\"", path) }
        }
        guard rename(temporary, path) == 0 else { throw failure("cannot be replaced", path) }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: CInt) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func makeFolder(_ path: String) throws(CertificateError) {
        var information = stat()
        if stat(path, &information) == 0 { return }
        let above = parent(of: path)
        if above != path { try makeFolder(above) }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("cannot be made", path) }
    }

    private static func failure(_ what: String, _ path: String) -> CertificateError {
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        return CertificateError("\"\(path)\" \(what): \(reason)")
    }
}
