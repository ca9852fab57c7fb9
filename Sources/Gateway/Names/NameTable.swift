// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// The names of one kind (tools, or prompts) that a virtual server offers, each standing for one name of one upstream.
struct NameTable: Sendable {
    /// One name.
    struct Entry: Sendable {
        /// The name towards clients.
        let exposed: String
        /// The upstream's own name for it.
        let original: String
        /// Whose it is: a position in the virtual server's upstreams.
        let upstream: Int
        /// What the upstream says about it, its name replaced by the exposed one.
        let item: ValueObject
        /// Which arguments of a tool its calls repeat in headers; nil for none.
        let parameterHeaders: MCPParameterHeaders?
    }

    /// What one upstream offers.
    struct Source: Sendable {
        /// A position in the virtual server's upstreams.
        let upstream: Int
        let label: NameLabel
        /// Whether names are left as they are where they are nobody else's.
        let isUnprefixed: Bool
        /// The upstream's names with what it says about them, in its order, each name once.
        let items: [(name: String, item: ValueObject)]
    }

    /// In the order of upstreams, and within one in its own.
    let entries: [Entry]
    /// Names that were left out because another has them already.
    let dropped: [Entry]
    private let positions: [ByteKey: Int]

    /// An empty table.
    init() {
        self.init([], selecting: { _, _ in true })
    }

    /// - Parameters:
    ///   - sources: What the upstreams offer, in configured order.
    ///   - isSelected: Whether a name is offered at all, by its prefixed form and the form in which it would be offered.
    init(_ sources: [Source], selecting isSelected: (_ prefixed: String, _ exposed: String) -> Bool) {
        let owners = Self.owners(of: sources)
        var entries: [Entry] = []
        var dropped: [Entry] = []
        var positions: [ByteKey: Int] = [:]
        for source in sources {
            for (name, item) in source.items {
                let prefixed = source.label.exposed(name)
                // What several have is nobody's: whoever came first would answer for the others.
                let keepsName = source.isUnprefixed && !name.isEmpty && owners[ByteKey(name)] == 1
                let exposed = keepsName ? name : prefixed
                guard isSelected(prefixed, exposed) else { continue }
                var item = item
                item["name"] = .string(exposed)
                let entry = Entry(
                    exposed: exposed, original: name, upstream: source.upstream, item: item,
                    parameterHeaders: item["inputSchema"].flatMap {
                        try? MCPParameterHeaders(inputSchema: Document($0))
                    })
                if positions[ByteKey(exposed)] == nil {
                    positions[ByteKey(exposed)] = entries.count
                    entries.append(entry)
                } else {
                    dropped.append(entry)
                }
            }
        }
        (self.entries, self.dropped, self.positions) = (entries, dropped, positions)
    }

    /// How many of the upstreams that leave names as they are have a name.
    private static func owners(of sources: [Source]) -> [ByteKey: Int] {
        var owners: [ByteKey: Int] = [:]
        for source in sources where source.isUnprefixed {
            for (name, _) in source.items { owners[ByteKey(name), default: 0] += 1 }
        }
        return owners
    }

    /// What a name of a client stands for.
    subscript(exposed: String) -> Entry? {
        positions[ByteKey(exposed)].map { entries[$0] }
    }
}
