// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A key of an object in JSON text, compared by what it says, however it is escaped.
///
/// It points into the text and must not outlive it.
struct JSONKeyBytes: Hashable {
    private let raw: UnsafeBufferPointer<UInt8>
    private let unescaped: [UInt8]?

    init(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, hasEscapes: Bool) {
        raw = UnsafeBufferPointer(rebasing: text[range])
        unescaped = hasEscapes ? Array(JSONParser.unescaped(text, range).utf8) : nil
    }

    /// The key.
    var text: String { with { String(decoding: $0, as: UTF8.self) } }

    private func with<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        guard let unescaped else { return body(raw) }
        return unescaped.withUnsafeBufferPointer(body)
    }

    static func == (lhs: JSONKeyBytes, rhs: JSONKeyBytes) -> Bool {
        lhs.with { left in
            rhs.with { right in
                guard left.count == right.count else { return false }
                guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return true }
                return memcmp(leftStart, rightStart, left.count) == 0
            }
        }
    }

    func hash(into hasher: inout Hasher) {
        with { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
