// SPDX-License-Identifier: Apache-2.0

/// A text as an SQL parser splits it: comments are spaces, and white space is one space or one line feed.
///
/// What MySQL runs although it looks like a comment (`/*!DROP TABLE x*/`, `/*!50000DROP*/`) is no comment. So the
/// patterns of `SQLRule` have no repeated space in them, and their cost grows with the text alone. A line feed comes
/// first: the begin of the text is then that of a line, and patterns need no `\A`, which would make the engine try them
/// at each place instead of at the few bytes that can begin them.
enum SQLText {
    static func normalized(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count + 1)
            output.append(0x0A)
            let text = TextBytes(bytes)
            var position = 0
            var canClose = true
            while position < text.count {
                let byte = text[position]
                if TextBytes.isSpace(byte) {
                    append(byte == 0x0A || byte == 0x0D ? 0x0A : 0x20, to: &output)
                    position += 1
                } else if byte == 0x2F, text[position + 1] == 0x2A {
                    position = skipComment(at: position, in: text, &canClose)
                    append(0x20, to: &output)
                } else if byte == 0x2A, text[position + 1] == 0x2F {
                    append(0x20, to: &output)
                    position += 2
                } else {
                    output.append(byte)
                    position += 1
                }
            }
            return String(decoding: output, as: UTF8.self)
        }
    }

    /// Appends white space, which after other white space only counts if it ends a line.
    private static func append(_ space: UInt8, to output: inout [UInt8]) {
        switch output.last {
        case 0x20: output[output.count - 1] = space
        case 0x0A: break
        default: output.append(space)
        }
    }

    /// Where to go on: after a comment, or at the statement inside one that is run.
    ///
    /// - Parameter canClose: false once a comment had no end: then no later one has, and none is looked for again.
    private static func skipComment(at start: Int, in text: TextBytes, _ canClose: inout Bool) -> Int {
        var position = start + 2
        // `/*!` is MySQL's, `/*M!` MariaDB's.
        if text[position] == 0x4D, text[position + 1] == 0x21 { position += 1 }
        if text[position] == 0x21 {
            position += 1
            return position + text.digitCount(at: position, limit: 6)
        }
        guard canClose else { return start + 2 }
        var end = start + 2
        while end + 1 < text.count {
            if text.bytes[end] == 0x2A, text.bytes[end + 1] == 0x2F { return end + 2 }
            end += 1
        }
        canClose = false
        return start + 2
    }
}
