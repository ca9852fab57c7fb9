// SPDX-License-Identifier: Apache-2.0

public import PluginFramework

/// The settings of `SecurityFilterPlugin`.
public struct SecurityFilterSettings: PluginSettings {
    /// Whether anything is blocked at all.
    public var blockDangerousOps = true
    /// Which rules are on.
    public var rules = SecurityRuleSwitches()
    /// Hosts that the rule `ssrf` lets pass, as names or addresses; compared in lower case.
    public var allowedHosts: [String] = []

    /// The defaults: every rule is on.
    public init() {}
}

/// Which rules of `SecurityFilterPlugin` are on.
public struct SecurityRuleSwitches: PluginSettings {
    /// `shell_metacharacters`; see `ShellRule`.
    public var shellMetacharacters = true
    /// `destructive_sql`; see `SQLRule`.
    public var destructiveSQL = true
    /// `path_traversal`; see `PathRule`.
    public var pathTraversal = true
    /// `ssrf`; see `AddressRule`.
    public var ssrf = true

    /// All on.
    public init() {}

    enum CodingKeys: String, CodingKey {
        case shellMetacharacters = "shell_metacharacters"
        case destructiveSQL = "destructive_sql"
        case pathTraversal = "path_traversal"
        case ssrf
    }
}
