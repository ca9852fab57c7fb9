// SPDX-License-Identifier: Apache-2.0

/// `shell_metacharacters`: text that a shell would run as a further command.
///
/// A metacharacter alone is no finding: prose, code and URLs are full of them. It is one when a command follows:
/// - after `;`, `|`, `&`, `$(` or a line's begin one of the names in `dangerous`, or one of `ordinary` whose next word
///   looks like an argument (begins with `-`, `/`, `.`, `~`, `$`, a quote or an operator) or that ends the command;
/// - a backtick that follows a letter, digit, `=`, `/` or quote without a space, before such a command (in Markdown a
///   backtick follows a space);
/// - a redirection into `/etc`, `/root`, `/boot`, `/proc`, `/sys`, a disk, `~/.ssh` or cron, or anything with `/dev/tcp/`;
/// - `rm` with `-r` or `-f` on `/`, `~`, `*`, `.` or `$`; `mkfs`; `dd of=/dev/`; a fork bomb; `chmod` to 777 of `/`.
struct ShellRule: SecurityRule {
    static let name = "shell_metacharacters"
    static let advice = "remove the shell syntax, or pass the value through a tool that does not run a shell"

    private static let dangerous =
        "rm|curl|wget|bash|zsh|ksh|nc|ncat|netcat|mkfs(?:\\.\\w+)?|chmod|chown|sudo|powershell|pwsh|cmd\\.exe|socat|nohup"
        + "|crontab|iptables|systemctl|useradd|killall|pkill|insmod|nsenter|chroot"
    private static let ordinary =
        "sh|dash|cat|ls|id|whoami|uname|env|printenv|ping|nslookup|dig|telnet|ssh|scp|touch|mv|cp|ln|tee|base64|xxd|awk|sed"
        + "|find|xargs|echo|printf|python[0-9.]*|perl|ruby|php|node|eval|exec|source|kill|su|dd|ps|hostname|ifconfig|sleep"
        + "|shutdown|reboot|poweroff|passwd|head|tail|less|more|tar|pwd|mount|export"

    private let patterns: [(Pattern, String)]

    init() throws(PatternError) {
        // A path before a name does not change the name: /bin/rm.
        let path = "(?:/(?:usr/)?(?:local/)?s?bin/)?"
        let command =
            "\(path)(?:(?:\(Self.dangerous))(?![\\w-])|(?:\(Self.ordinary))(?![\\w-])(?=\\s*(?:[;|&)`<>]|\\Z)|\\s+[-/.~$'\"<>]))"
        let places = "/(?:etc|root|boot|proc|sys)/|/dev/(?:sd|hd|nvme|vd|mem|kmem)|~/\\.ssh|/var/spool/cron"
        patterns = [
            (try Pattern("(?:[;|&]|\\$\\()\\s*(?:sudo\\s+)?\(command)"), "a command after a shell operator"),
            (
                try Pattern("(?m)(?<=\\n)[ \\t]*\(path)(?:\(Self.dangerous))[ \\t]+[-/.~$'\"\\w]*[-/.~$]"),
                "a command on a new line"
            ),
            (try Pattern("(?<=[\\w=/'\"])`\\s*\(command)"), "a command in backticks"),
            (try Pattern(">\\s*(?:\(places))|/dev/(?:tcp|udp)/"), "a redirection into the system"),
            (
                try Pattern("(?<![\\w-])rm\\s+(?=(?:-[\\w-]+\\s+)*-[\\w-]*[rRf])(?:-[\\w-]+\\s+)+['\"]?[/~*.$]"),
                "a recursive delete"
            ),
            (
                try Pattern(
                    "(?<![\\w-])(?:mkfs(?:\\.\\w+)?\\s+/dev/|dd\\s[^\\n]{0,200}of=/dev/|chmod\\s+(?:-R\\s+)?0?777\\s+/)"
                        + "|:\\(\\)\\s*\\{\\s*:\\|:&\\s*\\}"),
                "a destructive command"
            ),
        ]
    }

    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String? {
        for variant in text.variants {
            for (pattern, what) in patterns where try pattern.matches(in: variant, budget: &budget) { return what }
        }
        return nil
    }
}
