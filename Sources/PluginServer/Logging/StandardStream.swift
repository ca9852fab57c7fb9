// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Standard output or standard error, written without buffers between.
package enum StandardStream: Int32, Sendable {
    /// What a command was asked to print.
    case output = 1
    /// Everything else.
    case error = 2

    /// Writes all bytes.
    ///
    /// A reader that has gone away is no reason to fail: the rest is dropped.
    package func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(rawValue, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// Writes a text and a line end.
    package func print(_ text: String) {
        write(Array(text.utf8) + [UInt8(ascii: "\n")])
    }
}
