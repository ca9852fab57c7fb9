// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads keys from files.
package enum KeyFile {
    /// All of a file.
    ///
    /// - Throws: What keeps it from being read, as it follows the file's name.
    package static func read(_ path: String, maximumSize: Int = KeySet.maximumDocumentSize) throws(KeyError) -> [UInt8]
    {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw KeyError("cannot be opened: \(reason(errno)); make it readable") }
        defer { close(descriptor) }
        // A pipe would be read for ever, or not at all.
        guard lseek(descriptor, 0, SEEK_CUR) == 0 else { throw KeyError("is no file; give the path of one") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw KeyError("cannot be read: \(reason(errno)); try again") }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= maximumSize else { throw KeyError("is longer than \(maximumSize) bytes; no keys are") }
        }
    }

    private static func reason(_ number: CInt) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
