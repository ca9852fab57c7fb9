// SPDX-License-Identifier: Apache-2.0

/// `destructive_sql`: statements that destroy data or rights, and what makes one of another statement.
///
/// Comments count as spaces, those that MySQL runs as their content (`SQLText`); case is ignored. Found are, at the begin
/// of a statement (of the text, or after `BEGIN`, `;`, a quote, a bracket or a line's end):
/// - `DROP` of a table, database, schema, view, index, user, role, function, procedure or trigger, its name, and the
///   statement's end (`drop table tennis practice` is prose);
/// - `TRUNCATE` and a name; `ALTER TABLE name DROP`;
/// - `DELETE FROM name` and `UPDATE name SET column = ...` without a `WHERE`, or with one that is always true
///   (`Delete from cart` alone, written as a sentence begins, is prose);
/// - `GRANT ALL`, `SHUTDOWN` after a `;`, `xp_cmdshell` anywhere;
/// - a quote followed by `OR` or `AND` and a comparison of a literal with itself (`' OR 1=1`), the usual injection.
struct SQLRule: SecurityRule {
    static let name = "destructive_sql"
    static let advice = "remove the statement, narrow it with WHERE, or pass values as parameters"

    private let statements: Pattern
    private let deletion: Pattern
    /// What decides about an `UPDATE`: its head, a `WHERE` that is always true, another `WHERE`, a `;`.
    private let updateMarks: Pattern
    /// Which of its groups are the head and the `WHERE` that narrows.
    private let groups: [Int]
    private let injection: Pattern

    init() throws(PatternError) {
        let begin = "(?:[;'\"`({)\\n]|\\bbegin(?=\\s))\\s?"
        let part = "(?:\"[^\"\\n]{1,64}\"|`[^`\\n]{1,64}`|\\[[^\\]\\n]{1,64}\\]|[\\w$@-]+)"
        let name = "\(part)(?:\\.\(part)){0,3}"
        let end = "\\s?(?:[;,)}'\"`]|--|#|\\Z|\\b(?:cascade|restrict|purge|restart|go)\\b)"
        let kinds = "table|database|schema|view|materialized\\sview|index|user|role|function|procedure|trigger"
        statements = try Pattern(
            "\(begin)(?:drop\\s(?:temporary\\s)?(?:\(kinds))\\s(?:if\\sexists\\s)?\(name)\(end)"
                + "|truncate\\s(?:table\\s)?(?:only\\s)?\(name)\(end)"
                + "|alter\\stable\\s(?:if\\sexists\\s)?\(name)\\sdrop\\s\(part)"
                + "|grant\\sall(?:\\sprivileges)?\\s(?:on|to)\\s\\S)"
                + "|;\\s?shutdown\(end)|\\bxp_cmdshell\\b", flags: .ignoreCase)
        let operand = "[\\w.`\"]{1,64}"
        let condition =
            "(?:\\(\\s?){0,4}(?:not\\s(?:false|0)|true|[1-9]\\d{0,9}|'[^']{0,40}'"
            + "|(?P<left>\(operand))\\s?(?:=|<=|>=|<=>|like)\\s?(?P=left)"
            + "|'(?P<text>[^']{0,40})'\\s?(?:=|like)\\s?'(?P=text)'|\\d{1,9}\\s?(?:<>|!=|<|>)\\s?\\d{1,9})"
            + "(?:\\s?\\)){0,4}(?:\(end)|\\s(?:or|limit|order|returning)\\b)"
        deletion = try Pattern(
            "\(begin)(?!(?-i:Delete\\sfrom)\\s[\\w-]+\\Z)delete\\sfrom\\s(?:only\\s)?\(name)"
                + "(?:\\swhere\\s?\(condition)|\(end))", flags: .ignoreCase)
        let update = try Pattern(
            "(?P<head>(?:(?<=[;'\"`({)\\n])|(?<=[;'\"`({)\\n]\\s)|(?<=\\bbegin\\s))update\\s\(name)\\sset\\s\(name)\\s?=)"
                + "|\\bwhere\\s?\(condition)|(?P<where>\\bwhere\\b)|;", flags: .ignoreCase)
        updateMarks = update
        groups = ["head", "where"].compactMap { update.groupNumbers[$0].map { $0 - 1 } }
        injection = try Pattern(
            "['\"]\\s?\\)?\\s?(?:or|and)\\s\\(?(?:(\\d+)\\s?=\\s?\\1\\b"
                + "|(['\"])([^'\"]{0,40})\\2\\s?=\\s?\\2\\3(?:\\2|\\Z|\\s?--)|true\(end))", flags: .ignoreCase)
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            let plain = SQLText.normalized(variant)
            if try statements.matches(in: plain, budget: &budget) { return "a destructive SQL statement" }
            var changesEveryRow = try deletion.matches(in: plain, budget: &budget)
            if !changesEveryRow { changesEveryRow = try updatesEveryRow(plain, &budget) }
            if changesEveryRow { return "an SQL statement that changes every row" }
            if try injection.matches(in: plain, budget: &budget) { return "an SQL condition that is always true" }
        }
        return nil
    }

    /// Whether an `UPDATE` ends, at a `;`, another one or the text's end, before a `WHERE` that narrows it.
    ///
    /// One pass over the marks: a pattern that looks for the end of each statement would read the text once for each.
    private func updatesEveryRow(_ text: String, _ budget: inout MatchBudget) throws(PatternError) -> Bool {
        guard groups.count == 2 else { return false }
        var isOpen = false
        for match in try updateMarks.allMatches(in: text, budget: &budget) {
            if isOpen, match.groups[groups[1]] == nil { return true }
            isOpen = match.groups[groups[0]] != nil
        }
        return isOpen
    }
}
