// SPDX-License-Identifier: Apache-2.0

/// `destructive_sql`: statements that destroy data or rights, and what makes one of another statement.
///
/// Comments count as spaces, case is ignored. Found are, at the begin of a statement (of the text, or after `;`, a quote,
/// a bracket or a line's end):
/// - `DROP` of a table, database, schema, view, index, user, role, function, procedure or trigger, its name, and the
///   statement's end (`drop table tennis practice` is prose);
/// - `TRUNCATE TABLE` and a name; `ALTER TABLE name DROP`;
/// - `DELETE FROM name` and `UPDATE name SET column = ...` without a `WHERE`, or with one that is always true;
/// - `GRANT ALL`, `SHUTDOWN` after a `;`, `xp_cmdshell` anywhere;
/// - a quote followed by `OR` or `AND` and a comparison of a literal with itself (`' OR 1=1`), the usual injection.
struct SQLRule: SecurityRule {
    static let name = "destructive_sql"
    static let advice = "remove the statement, narrow it with WHERE, or pass values as parameters"

    private let comments: Pattern
    private let space: Replacement
    private let statements: Pattern
    private let unconditional: Pattern
    private let injection: Pattern

    init() throws(PatternError) {
        comments = try Pattern("/\\*.{0,2000}?\\*/", flags: .dotAll)
        space = try Replacement(" ", for: comments)
        let begin = "(?:\\A|[;'\")\\n])\\s*"
        let name = "[\\w.\"`\\[\\]$-]+"
        let end = "\\s*(?:[;,)'\"]|--|#|\\Z|\\bcascade\\b|\\brestrict\\b)"
        let kinds = "table|database|schema|view|materialized\\s+view|index|user|role|function|procedure|trigger"
        statements = try Pattern(
            "\(begin)(?:drop\\s+(?:\(kinds))\\s+(?:if\\s+exists\\s+)?\(name)\(end)"
                + "|truncate\\s+table\\s+\(name)\(end)"
                + "|alter\\s+table\\s+(?:if\\s+exists\\s+)?\(name)\\s+drop\\s+\(name)"
                + "|grant\\s+all(?:\\s+privileges)?\\s+(?:on|to)\\s+\\S)"
                + "|;\\s*shutdown\(end)|\\bxp_cmdshell\\b", flags: .ignoreCase)
        let always = "(?:where\\s+(?:(\\d+)\\s*=\\s*\\1|'([^']{0,40})'\\s*=\\s*'\\2'|true)\(end)|[;'\"]|--|#|\\Z)"
        unconditional = try Pattern(
            "\(begin)(?:delete\\s+from\\s+\(name)\\s*\(always)"
                + "|update\\s+\(name)\\s+set\\s+\(name)\\s*=(?:(?!\\bwhere\\b)[^;]){0,2000}(?:;|\\Z))",
            flags: .ignoreCase)
        injection = try Pattern(
            "['\"]\\s*(?:or|and)\\s+(?:(\\d+)\\s*=\\s*\\1\\b|(['\"])([^'\"]{0,40})\\2\\s*=\\s*\\2\\3(?:\\2|\\Z|\\s*--)"
                + "|true\(end))", flags: .ignoreCase)
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            let plain = try comments.replacingMatches(in: variant, with: space, budget: &budget) ?? variant
            if try statements.matches(in: plain, budget: &budget) { return "a destructive SQL statement" }
            if try unconditional.matches(in: plain, budget: &budget) { return "an SQL statement that changes every row" }
            if try injection.matches(in: plain, budget: &budget) { return "an SQL condition that is always true" }
        }
        return nil
    }
}
