// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A private folder that is removed at the end.
struct BenchFolder: Sendable {
    let path: String

    /// Makes one under `TMPDIR`, else `/tmp`.
    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/gatehouse-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchFailure("no folder can be made in \(parent): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a file, and gives its path.
    func write(_ name: String, _ text: String) throws -> String {
        let path = "\(path)/\(name)"
        guard let file = fopen(path, "w") else {
            throw BenchFailure("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else {
            throw BenchFailure("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        return path
    }

    /// Removes it with its files; it holds no folders.
    func remove() {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { unlink("\(path)/\(name)") }
            }
            closedir(folder)
        }
        rmdir(path)
    }
}
