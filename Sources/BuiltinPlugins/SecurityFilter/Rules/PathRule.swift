// SPDX-License-Identifier: Apache-2.0

/// `path_traversal`: paths that leave the folder they are meant for.
///
/// In a text of one word (no white space, 4 KiB at most): a segment `..` between `/` or `\`; a zero byte; one of the
/// system's secret files (`/etc/passwd`, `/etc/shadow`, `/etc/sudoers`, `/proc/self/`, `.ssh/id_`, `system32\config`).
/// In any text: two or more `../` that end in a system folder. Percent-encoded forms count, encoded twice too, and
/// overlong ones; `..` within a name (`a..b`, `v1..v2`) does not.
struct PathRule: SecurityRule {
    static let name = "path_traversal"
    static let advice = "use a path without '..' below the tool's own folder"

    private let segment: Pattern
    private let secret: Pattern
    private let climbing: Pattern

    init() throws(PatternError) {
        segment = try Pattern("(?:\\A|[/\\\\])\\.\\.(?:[/\\\\;]|\\Z)|\\x00")
        secret = try Pattern(
            "/etc/(?:passwd|shadow|gshadow|sudoers)\\b|/proc/(?:self|\\d+)/(?:environ|mem|maps|cmdline|root|fd)"
                + "|[/\\\\~]\\.ssh[/\\\\](?:id_|authorized_keys)|[/\\\\]system32[/\\\\]config[/\\\\]",
            flags: .ignoreCase)
        // The last two of a run tell as much as all of them, and are found without reading the run again and again.
        climbing = try Pattern(
            "(?:\\.\\.[/\\\\]){2}(?:etc|proc|sys|root|home|var|boot|usr|windows|winnt)(?:[/\\\\]|\\b)",
            flags: .ignoreCase)
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            if SecurityText.isOneWord(variant) {
                if try segment.matches(in: variant, budget: &budget) { return "a path that leaves its folder" }
                if try secret.matches(in: variant, budget: &budget) { return "the path of a system secret" }
            } else if try climbing.matches(in: variant, budget: &budget) {
                return "a path that leaves its folder"
            }
        }
        return nil
    }
}
