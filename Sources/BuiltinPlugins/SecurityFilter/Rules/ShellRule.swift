// SPDX-License-Identifier: Apache-2.0

/// `shell_metacharacters`: text that a shell would run as a further command.
///
/// A metacharacter alone is no finding: prose, code, tables and URLs are full of them. It is one when a command follows:
/// - after `;`, `|`, `&`, `$(`, `<(` or a line's begin one of the names in `dangerous`, or one of `ordinary` whose next
///   word looks like an argument (begins with `-`, `/`, `.`, `~`, `$` or a quote); after `;`, `&&` and `||` some names
///   alone too, after `$(` and `<(` all of them;
/// - a backtick that follows a letter, digit, `=`, `/` or quote without a space, before such a command (in Markdown a
///   backtick follows a space), or a text that begins and ends with backticks;
/// - a redirection into `/etc`, `/root`, `/boot`, `/proc`, `/sys`, a disk, `~/.ssh` or cron, or anything with `/dev/tcp/`;
/// - `rm` with `-r` or `-f` on `/`, `~`, `*`, `.` or `$`; `find … -delete`; `mkfs`; `dd of=/dev/`; a fork bomb; `chmod`
///   to 777 of `/`; `$IFS`.
///
/// Rows of Markdown tables are no pipes. Names are also found with quotes and backslashes in them (`r\m`, `'rm'`).
struct ShellRule: SecurityRule {
    static let name = "shell_metacharacters"
    static let advice = "remove the shell syntax, or pass the value through a tool that does not run a shell"

    private static let shells =
        "bash|zsh|ksh|sh|dash|pwsh|powershell|python[0-9.]*|perl|ruby|php|node|nc|ncat|netcat|socat"
    private static let dangerous =
        "rm|curl|wget|bash|zsh|ksh|nc|ncat|netcat|mkfs(?:\\.\\w+)?|chmod|chown|sudo|powershell|pwsh|cmd\\.exe|socat|nohup"
        + "|crontab|iptables|systemctl|useradd|killall|pkill|insmod|nsenter|chroot"
    private static let ordinary =
        "sh|dash|cat|ls|id|whoami|uname|env|printenv|ping|nslookup|dig|telnet|ssh|scp|touch|mv|cp|ln|tee|base64|xxd|awk|sed"
        + "|xargs|echo|printf|python[0-9.]*|perl|ruby|php|node|eval|exec|source|kill|su|dd|ps|hostname|ifconfig|sleep"
        + "|shutdown|reboot|poweroff|passwd|tar|pwd|mount|export"
    /// Those of `ordinary` that do harm or tell something without an argument, and mean nothing else after `;`.
    private static let alone =
        "sh|dash|ls|whoami|uname|printenv|pwd|ps|hostname|ifconfig|su|passwd|shutdown|reboot|poweroff"

    private let commands: Pattern
    private let others: [(Pattern, String)]

    init() throws(PatternError) {
        // A path before a name does not change the name: /bin/rm.
        let path = "(?:sudo\\s+)?(?:/(?:usr/)?(?:local/)?s?bin/)?"
        let withArgument =
            "(?:\(Self.ordinary))\\s+[-/.~$'\"<>]|(?:find|head|tail|less|more)\\s+(?:-\\w+\\s+)?['\"]?[/.~$]"
        let end = "(?=\\s*(?:[;|&)`<>#]|\\Z))"
        let anything =
            "\(path)(?:(?:\(Self.dangerous))(?![\\w=-])|\(withArgument)|(?:\(Self.ordinary)|find|head|tail|less|more)\(end))"
        let called = "\(path)(?:(?:\(Self.dangerous))(?![\\w=-])|\(withArgument)"
        commands = try Pattern(
            "(?:;|&&|\\|\\|)\\s*\(called)|(?:\(Self.alone))\(end))|;\\s+id\(end)"
                + "|(?:\\$|[<>])\\(\\s*\(anything)"
                // In a list of alternatives (`curl|wget`) and in a URL's query (`a=1&sh`) no argument follows.
                + "|\\|\\s*\(path)(?:(?:\(Self.shells))(?![\\w=-])\(end)|(?:\(Self.dangerous))\\s+[^\\s|]|\(withArgument))"
                + "|&\\s*\(path)(?:(?:\(Self.dangerous))\\s+[^\\s&]|\(withArgument))")
        let places = "/(?:etc|root|boot|proc|sys)/|/dev/(?:sd|hd|nvme|vd|mem|kmem)|~/\\.ssh|/var/spool/cron"
        let bare = "whoami|uname|hostname|pwd|ls|env"
        others = [
            (
                try Pattern("\\n[ \\t]*\(path)(?:\(Self.dangerous))[ \\t]+[-/.~$'\"\\w]*[-/.~$]"),
                "a command on a new line"
            ),
            (
                try Pattern("`(?:(?<=[\\w/]`)\\s*\(anything)|(?<=[='\"]`)\\s*\(called)|(?:\(bare))\(end)))"),
                "a command in backticks"
            ),
            (
                try Pattern("\\A\\s*`\\s*\(anything)[^`\\n]{0,4000}`(?:\\s*(?:\\Z|[;|&])|[\\w/]|\\.\\w)"),
                "a command in backticks"
            ),
            (try Pattern(">\\s*(?:\(places))|/dev/(?:tcp|udp)/"), "a redirection into the system"),
            (
                try Pattern("(?<![\\w-])rm\\s+(?=(?:-[\\w-]+\\s+)*-[\\w-]*[rRf])(?:-[\\w-]+\\s+)+['\"]?[/~*.$]"),
                "a recursive delete"
            ),
            (
                try Pattern(
                    "(?<![\\w-])(?:mkfs(?:\\.\\w+)?\\s+/dev/|dd\\s[^\\n]{0,200}of=/dev/|chmod\\s+(?:-R\\s+)?0?777\\s+/"
                        + "|find\\s+['\"]?[/~.$*][^\\n]{0,200}?\\s-(?:delete\\b|exec(?:dir)?\\s+\(path)(?:\(Self.dangerous))\\s))"
                        + "|:\\(\\)\\s*\\{\\s*:\\|:&\\s*\\}|\\$\\{?IFS\\b"),
                "a destructive command"
            ),
        ]
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            let plain = Self.withoutTableRows(variant)
            for reading in [plain, Self.unquoted(plain)].compactMap({ $0 }) {
                if try commands.matches(in: reading, budget: &budget) { return "a command after a shell operator" }
                for (pattern, what) in others where try pattern.matches(in: reading, budget: &budget) { return what }
            }
        }
        return nil
    }

    /// The text without quotes and backslashes, as a shell reads names; nil when there are none.
    private static func unquoted(_ text: String) -> String? {
        func isQuote(_ byte: UInt8) -> Bool { byte == 0x22 || byte == 0x27 || byte == 0x5C }
        guard text.utf8.contains(where: isQuote) else { return nil }
        return String(decoding: text.utf8.filter { !isQuote($0) }, as: UTF8.self)
    }

    /// The text without lines that begin and end with `|`.
    private static func withoutTableRows(_ text: String) -> String {
        guard text.utf8.contains(0x7C) else { return text }
        func isRow(_ line: Substring.UTF8View) -> Bool {
            let start = line.drop(while: TextBytes.isSpace)
            guard start.first == 0x7C, let end = start.last(where: { !TextBytes.isSpace($0) }) else { return false }
            return end == 0x7C && start.count > 1
        }
        let lines = text[...].utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.contains(where: isRow) else { return text }
        return lines.map { isRow($0) ? "" : String(Substring($0)) }.joined(separator: "\n")
    }
}
