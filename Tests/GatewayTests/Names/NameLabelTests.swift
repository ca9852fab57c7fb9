// SPDX-License-Identifier: Apache-2.0

import Testing
import Values

@testable import Gateway

@Suite("Names towards clients")
struct NameLabelTests {
    private let prefixes = ["git", "git-hub", "time", "T"]

    private func label(_ prefix: String) -> NameLabel { NameLabel(prefix: prefix, among: prefixes) }

    @Test(
        "A plain name keeps its text",
        arguments: [
            ("time", "get_current_time", "time-get_current_time"), ("T", "a-b", "T-a-b"), ("git", "log", "git-log"),
        ])
    func plain(prefix: String, name: String, expected: String) {
        #expect(label(prefix).exposed(name) == expected)
    }

    @Test(
        "Every name has at most 64 bytes of [A-Za-z0-9_-], and is another's of no other",
        arguments: ["git", "git-hub", "time", "T"])
    func isSafe(prefix: String) {
        let names = [
            "", "a", "a.b", "a_b", "a/b", "a-b", "hub-log", "log", "ä", "a\u{308}", "x y",
            String(repeating: "n", count: 60),
            String(repeating: "n", count: 61), String(repeating: "n", count: 200), "a-0123456789",
            "a-0123456789-0123456789",
            "\u{202E}evil", "<script>", "a\nb", "A.B", "a.B", "А", "A",
        ]
        let exposed = names.map { label(prefix).exposed($0) }
        for name in exposed {
            #expect(name.utf8.count <= 64)
            #expect(
                name.utf8.allSatisfy {
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".utf8.contains($0)
                })
            #expect(name.hasPrefix(prefix + "-"))
        }
        #expect(Set(exposed.map { ByteKey($0) }).count == names.count)
    }

    @Test("A prefix that begins as another cannot make a name of the other's")
    func ambiguousPrefixes() {
        let short = label("git").exposed("hub-log")
        let long = label("git-hub").exposed("log")
        #expect(long == "git-hub-log")
        #expect(short != long)
        #expect(short.hasPrefix("git-hub-log-"))
    }

    @Test("A name that looks as if digits had been added gets digits of its own")
    func cannotForgeDigits() {
        let made = label("time").exposed("a.b")
        let forged = String(made.dropFirst("time-".count))
        #expect(label("time").exposed(forged) != made)
    }

    @Test("Names stay the same, whoever else is there")
    func isStable() {
        #expect(NameLabel(prefix: "time", among: []).exposed("a.b") == label("time").exposed("a.b"))
        #expect(label("time").exposed("a.b") == "time-a_b-57c5deeb3a")
    }
}
