// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

/// Standard input, read whole.
enum StandardInput {
    /// More is not a payload but a mistake.
    private static let limit = 64 << 20

    static func readAll() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(STDIN_FILENO, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= limit else {
                throw ValidationError("stdin holds more than 64 MiB; send a smaller payload.")
            }
        }
    }
}
