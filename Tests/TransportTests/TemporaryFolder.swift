// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder for the files of one test.
struct TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "gatehouse-pair-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// Writes a file, and gives its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of an executable of this package, beside the bundle of the tests.
    static func builtProgram(_ name: String) throws -> String {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0])
        let path = bundle.deletingLastPathComponent().appendingPathComponent(name).path
        guard FileManager.default.isExecutableFile(atPath: path) else { throw NotBuilt(path: path) }
        return path
    }
}

struct NotBuilt: Error, CustomStringConvertible {
    let path: String

    var description: String { "\(path) is not built; run swift build first" }
}
