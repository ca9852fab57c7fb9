// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The text of a configuration and what to call it in errors.
struct ConfigurationFile {
    /// 4 MiB.
    ///
    /// ContextForge's longest sample has 30 KB; the bound keeps `--config /dev/zero` from filling the memory.
    static let maximumSize = 4 << 20

    /// The path, or another name for text that is no file.
    var name: String
    var text: String

    /// Why a file is no configuration.
    struct Failure: Error {
        var line: Int?
        var message: String
    }

    /// Reads a file; a pipe (`--config <(generate)`) will do.
    static func read(_ path: String) throws(Failure) -> ConfigurationFile {
        // Not to wait for the writer of a pipe nobody opens.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw openingFailure(path, errno) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw Failure(message: "cannot be read: \(reason(errno))") }
        switch information.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFIFO, S_IFCHR: _ = fcntl(descriptor, F_SETFL, 0)
        case S_IFDIR: throw Failure(message: "is a folder; give the path of a YAML file in it")
        default: throw Failure(message: "is no file; give the path of a YAML file")
        }

        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure(message: "cannot be read: \(reason(errno))") }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= maximumSize else {
                throw Failure(message: "is longer than \(maximumSize >> 20) MiB; a configuration is shorter")
            }
        }
        return ConfigurationFile(name: path, text: try text(of: bytes))
    }

    /// The bytes as text, without a byte order mark.
    static func text(of bytes: [UInt8]) throws(Failure) -> String {
        var bytes = bytes[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Failure(line: 1, message: "is UTF-16; save it as UTF-8")
        }
        // YAML allows tab, line feed and carriage return of the control characters (YAML 1.2, section 5.1).
        if let control = bytes.firstIndex(where: { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D || $0 == 0x7F })
        {
            throw Failure(
                line: line(of: control, in: bytes),
                message: "holds the control character \(hex(bytes[control])), so it is no YAML; give a text file")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(line: firstInvalidLine(in: bytes), message: "is not valid UTF-8; save it as UTF-8")
        }
        return text
    }

    /// Counts from 1.
    private static func line(of index: Int, in bytes: ArraySlice<UInt8>) -> Int {
        1 + bytes[..<index].count { $0 == 0x0A }
    }

    private static func firstInvalidLine(in bytes: ArraySlice<UInt8>) -> Int? {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        return lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }.map { $0 + 1 }
    }

    private static func hex(_ byte: UInt8) -> String {
        "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }

    private static func openingFailure(_ path: String, _ number: CInt) -> Failure {
        switch number {
        case ENOENT:
            Failure(message: "does not exist; create it, or give another with --config or PLUGINS_CONFIG_PATH")
        case EACCES:
            Failure(message: "may not be read by this user; change its permissions or run as its owner")
        default:
            Failure(message: "cannot be opened: \(reason(number)); give another with --config or PLUGINS_CONFIG_PATH")
        }
    }

    private static func reason(_ number: CInt) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
