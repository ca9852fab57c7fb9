// SPDX-License-Identifier: Apache-2.0

/// `path_traversal`: paths that leave the folder they are meant for.
///
/// In a text of one word, white space around it aside, and in one line that begins as a path does (`../`, `./`, `/`, `~/`,
/// `C:\`): a segment `..` between `/` or `\`. In one word: one of the system's secret files (`/etc/passwd`,
/// `/etc/shadow`, `/etc/sudoers`, `/proc/self/`, `.ssh/id_`, `system32\config`), `//` and `/./` in it or not. In one line
/// of up to 4 KiB and in one word: a zero byte. In any text: two or more `../` that end in a system folder.
/// Percent-encoded forms count, encoded twice too, and overlong ones; `..` within a name (`a..b`, `v1..v2`) does not.
struct PathRule: SecurityRule {
    static let name = "path_traversal"
    static let advice = "use a path without '..' below the tool's own folder"

    private let segment: Pattern
    private let spacedPath: Pattern
    private let secret: Pattern
    private let climbing: Pattern

    init() throws(PatternError) {
        segment = try Pattern("(?:(?<=[/\\\\])|(?<![\\s\\S]))\\.\\.(?:[/\\\\;]|\\Z)")
        spacedPath = try Pattern(
            "\\A(?:\\.\\.[/\\\\]|(?:\\.?[/\\\\]|~[/\\\\]|[A-Za-z]:[/\\\\])[^\\n]*?[/\\\\]\\.\\.[/\\\\])")
        let slash = "[/\\\\](?:\\.?[/\\\\])*"
        secret = try Pattern(
            "[/\\\\]etc\(slash)(?:passwd|shadow|gshadow|sudoers)\\b"
                + "|[/\\\\]proc\(slash)(?:self|\\d+)\(slash)(?:environ|mem|maps|cmdline|root|fd)"
                + "|[/\\\\~]\\.ssh\(slash)(?:id_|authorized_keys)|[/\\\\]system32\(slash)config[/\\\\]",
            flags: .ignoreCase)
        // The last two of a run tell as much as all of them, and are found without reading the run again and again.
        climbing = try Pattern(
            "(?:\\.\\.[/\\\\]){2}(?:etc|proc|sys|root|home|var|boot|usr|windows|winnt)(?:[/\\\\]|\\b)",
            flags: .ignoreCase)
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            let trimmed = SecurityText.trimmed(variant)
            let isOneWord = SecurityText.isOneWord(trimmed)
            if isOneWord || SecurityText.isShortLine(trimmed), trimmed.utf8.contains(0) { return "a zero byte" }
            if isOneWord {
                if try segment.matches(in: trimmed, budget: &budget) { return "a path that leaves its folder" }
                if try secret.matches(in: trimmed, budget: &budget) { return "the path of a system secret" }
            } else {
                var leaves = try climbing.matches(in: trimmed, budget: &budget)
                if !leaves { leaves = try spacedPath.matches(in: trimmed, budget: &budget) }
                if leaves { return "a path that leaves its folder" }
            }
        }
        return nil
    }
}
