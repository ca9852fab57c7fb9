// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import PluginFramework
internal import Values

/// Blocks tool calls whose arguments hold what a tool should never be asked to do.
///
/// Each string of the arguments, and each key, is looked at by each rule that is on: `shell_metacharacters`, `destructive_sql`,
/// `path_traversal`, `ssrf`. After the call the rule `ssrf` looks at the addresses to which the result links
/// (`resource_link` and embedded resources), which clients follow on their own.
public struct SecurityFilterPlugin: Plugin {
    /// The kind.
    public static let kind = "SecurityFilterPlugin"
    /// ContextForge's path of the plugin that this one replaces, and a short form.
    public static let kindAliases = ["security_filter", "plugins.security.filter.SecurityFilterPlugin"]

    private let rules: [any SecurityRule]
    private let linkRules: [any SecurityRule]
    private let logger: Logger

    /// - Throws: `SettingsError` for an empty host.
    public init(settings: SecurityFilterSettings) throws {
        try self.init(settings: settings, logger: Logger(label: "gatehouse.plugins.security_filter"))
    }

    init(settings: SecurityFilterSettings, logger: Logger) throws {
        self.logger = logger
        for (index, host) in settings.allowedHosts.enumerated() where host.isEmpty {
            throw SettingsError(
                key: "allowed_hosts.\(index)", "is empty; write a host name or an address, or remove it")
        }
        var rules: [any SecurityRule] = []
        var linkRules: [any SecurityRule] = []
        if settings.blockDangerousOps {
            if settings.rules.shellMetacharacters { rules.append(try ShellRule()) }
            if settings.rules.destructiveSQL { rules.append(try SQLRule()) }
            if settings.rules.pathTraversal { rules.append(try PathRule()) }
            if settings.rules.ssrf {
                rules.append(try AddressRule(allowedHosts: settings.allowedHosts))
                linkRules.append(try AddressRule(allowedHosts: settings.allowedHosts, checksSchemes: false))
            }
        }
        self.rules = rules
        self.linkRules = linkRules
    }

    private func violation(
        in value: Value, root: String, rules: [any SecurityRule], budget: inout MatchBudget
    ) throws -> PluginViolation? {
        var path = ValueWalker.Path(root)
        var found: PluginViolation?
        func look(at text: String, _ path: ValueWalker.Path) throws {
            guard found == nil, !text.isEmpty else { return }
            let text = SecurityText(text)
            for rule in rules {
                guard let finding = try rule.finding(in: text, budget: &budget) else { continue }
                found = Self.violation(rule, finding, at: path)
                break
            }
        }
        try withoutActuallyEscaping(look) { look in
            _ = try ValueWalker().rewrite(
                value, at: &path,
                visitor: .init(
                    string: {
                        try look($0, $1)
                        return nil
                    },
                    key: {
                        try look($0, $1.appending("(key)"))
                        return nil
                    }))
        }
        if let found {
            logger.warning("blocked", metadata: ["rule": "\(found.details["rule"]?.stringValue ?? "")"])
        }
        return found
    }

    private static func violation(
        _ rule: any SecurityRule, _ finding: String, at path: ValueWalker.Path
    ) -> PluginViolation {
        let rule = type(of: rule)
        return PluginViolation(
            code: "DANGEROUS_OPERATION", reason: "Dangerous operation blocked",
            description: "\(path) holds \(finding) (rule \(rule.name)); \(rule.advice), "
                + "or switch the rule off with rules.\(rule.name): false",
            details: ["rule": .string(rule.name), "path": .string("\(path)"), "finding": .string(finding)])
    }
}

extension SecurityFilterPlugin: ToolPreInvoke, ToolPostInvoke {
    /// Looks at the arguments with all rules.
    public func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        guard !rules.isEmpty, let args = call.args else { return .pass }
        var budget = MatchBudget(MatchBudget.perBuiltinCall)
        guard let violation = try violation(in: .object(args), root: "args", rules: rules, budget: &budget) else {
            return .pass
        }
        return .block(violation)
    }

    /// Looks at the addresses of linked and embedded resources with the rule `ssrf`.
    public func toolPostInvoke(_ result: ToolResult, context: PluginContext) async throws -> Verdict<ToolResult> {
        guard !linkRules.isEmpty, let items = result.result["content"]?.arrayValue else { return .pass }
        var budget = MatchBudget(MatchBudget.perBuiltinCall)
        for (index, item) in items.enumerated() {
            for (uri, place) in [(item["uri"], "uri"), (item["resource"]?["uri"], "resource.uri")] {
                guard let uri else { continue }
                let root = "result.content[\(index)].\(place)"
                if let violation = try violation(in: uri, root: root, rules: linkRules, budget: &budget) {
                    return .block(violation)
                }
            }
        }
        return .pass
    }
}
