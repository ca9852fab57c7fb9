// SPDX-License-Identifier: Apache-2.0

import Values

/// Where the next page of a list begins, as text that means nothing to a client.
///
/// It is good for this process and this list alone: one that was made up, or belongs to another list, is refused.
struct Cursor: Sendable, Equatable {
    /// The most elements of a page.
    static let pageSize = 1_000

    /// The virtual server and the kind of list.
    let list: String
    /// How many elements are before the page.
    let offset: Int

    init(list: String, offset: Int) {
        self.list = list
        self.offset = offset
    }

    /// Reads what a client sent.
    init?(_ text: String, list: String) {
        let parts = text.split(separator: "-", maxSplits: 1)
        guard parts.count == 2, let offset = Int(parts[0], radix: 16), offset > 0 else { return nil }
        self.init(list: list, offset: offset)
        guard self.text.hasSameBytes(as: text) else { return nil }
    }

    /// What the client gets.
    var text: String {
        // Seeded anew in every process, so that nobody can make one up.
        var hasher = Hasher()
        hasher.combine(list)
        hasher.combine(offset)
        return String(offset, radix: 16) + "-" + String(UInt(bitPattern: hasher.finalize()), radix: 16)
    }

    /// A page of a list, and where the next one begins.
    static func page<Element>(
        _ elements: [Element], list: String, from cursor: Cursor?
    ) -> (page: ArraySlice<Element>, next: Cursor?) {
        let start = min(cursor?.offset ?? 0, elements.count)
        let end = min(start + pageSize, elements.count)
        return (elements[start..<end], end < elements.count ? Cursor(list: list, offset: end) : nil)
    }
}
