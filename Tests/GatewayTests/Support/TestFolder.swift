// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder for sockets that is gone when the test is over.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        // Short, because the path of a socket may have 107 bytes.
        path = "/tmp/gw-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func socket(_ name: String) -> String { "\(path)/\(name).sock" }
}
