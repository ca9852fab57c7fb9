// SPDX-License-Identifier: Apache-2.0

import Testing
import Values

@testable import Gateway

@Suite("Tools and prompts of a virtual server")
struct NameTableTests {
    private func source(
        _ upstream: Int, _ prefix: String, _ names: [String], isUnprefixed: Bool = false
    ) -> NameTable.Source {
        NameTable.Source(
            upstream: upstream, label: NameLabel(prefix: prefix, among: ["a", "b"]), isUnprefixed: isUnprefixed,
            items: names.map { ($0, ["name": .string($0), "x": .int(Int64(upstream))]) })
    }

    private func table(_ sources: [NameTable.Source]) -> NameTable {
        NameTable(sources, selecting: { _, _ in true })
    }

    @Test("Names keep the order of upstreams and of each upstream, and everything else that is said about them")
    func keepsOrder() {
        let table = table([source(0, "a", ["z", "c"]), source(1, "b", ["c"])])
        #expect(table.entries.map(\.exposed) == ["a-z", "a-c", "b-c"])
        #expect(table.entries.map(\.original) == ["z", "c", "c"])
        #expect(table["b-c"]?.upstream == 1)
        #expect(table["b-c"]?.item == ["name": "b-c", "x": 1])
        #expect(table["c"] == nil)
    }

    @Test("Names without prefix are those that one upstream alone has")
    func unprefixed() {
        let table = table([
            source(0, "a", ["read", "own"], isUnprefixed: true), source(1, "b", ["read"], isUnprefixed: true),
        ])
        #expect(table.entries.map(\.exposed) == ["a-read", "own", "b-read"])
        #expect(table["read"] == nil, "neither upstream may answer for the other")
    }

    @Test("A name that another has already is left out, and told")
    func dropsDuplicates() {
        let table = table([source(0, "a", ["x"]), source(1, "b", ["a-x"], isUnprefixed: true)])
        #expect(table.entries.map(\.exposed) == ["a-x"])
        #expect(table["a-x"]?.upstream == 0)
        #expect(table.dropped.map(\.original) == ["a-x"])
    }

    @Test("Names are bytes: what only looks the same is another name")
    func comparesBytes() {
        let composed = "caf\u{E9}"
        let decomposed = "cafe\u{301}"
        let table = table([source(0, "a", [composed, decomposed], isUnprefixed: true)])
        #expect(table.entries.count == 2)
        #expect(table[composed]?.original.hasSameBytes(as: composed) == true)
        #expect(table[decomposed]?.original.hasSameBytes(as: decomposed) == true)
        // A Cyrillic letter is no Latin one.
        #expect(table["\u{441}af\u{E9}"] == nil)
    }

    @Test("What is not selected is not there")
    func selects() {
        let filter = NameFilter(allow: ["a-*"], deny: ["*-secret"])
        let table = NameTable([source(0, "a", ["x", "secret"]), source(1, "b", ["x"])]) { filter.offers($0, $1) }
        #expect(table.entries.map(\.exposed) == ["a-x"])
        #expect(table["a-secret"] == nil)
    }
}

@Suite("Cursors")
struct CursorTests {
    private let elements = Array(0..<2_500)

    @Test("Following cursors gives every element once")
    func pages() {
        var all: [Int] = []
        var cursor: Cursor?
        var pages = 0
        repeat {
            let page = Cursor.page(elements, list: "s/tools", from: cursor)
            all += page.page
            pages += 1
            cursor = page.next.flatMap { Cursor($0.text, list: "s/tools") }
            #expect((cursor == nil) == (page.next == nil))
        } while cursor != nil
        #expect(all == elements && pages == 3)
    }

    @Test(
        "A cursor of another list, or one that was made up, is refused",
        arguments: ["", "3e8", "3e8-0", "-1", "0-0", "x-y", "3e8-zz"])
    func refusesForeign(text: String) {
        #expect(Cursor(text, list: "s/tools") == nil)
        let own = Cursor(list: "s/tools", offset: 1_000).text
        #expect(Cursor(own, list: "s/tools") != nil)
        #expect(Cursor(own, list: "s/prompts") == nil)
        #expect(Cursor(own + text + "0", list: "s/tools") == nil)
    }
}
