// SPDX-License-Identifier: Apache-2.0

public import Values

/// One plugin as configuration describes it: an element of `plugins`.
public struct PluginEntry: Sendable, Equatable {
    /// The plugin's name, unique without regard to case.
    public var name: String
    /// What implements it: a kind of ours, a Python path that one of ours replaces, or `external`.
    public var kind: String
    /// What it does, for people.
    public var description: String?
    /// Who wrote it.
    public var author: String?
    /// Its version.
    public var version: String?
    /// A name space, for people.
    public var namespace: String?
    /// The hooks it is asked at; empty for all that it implements.
    public var hooks: [HookName] = []
    /// Words to find it by.
    public var tags: [String] = []
    /// What its verdicts and errors mean.
    public var mode: PluginMode = .enforce
    /// What its errors mean, in cpex's vocabulary; nil for what the mode says.
    public var errorPolicy: PluginErrorPolicy?
    /// Lower ones run first.
    public var priority = 100
    /// When it is asked: any of these; always, if empty.
    public var conditions: [PluginCondition] = []
    /// Which tools, prompts and resources it applies to, as configured.
    public var appliedTo: Value?
    /// Its time limit for one hook; nil for `plugin_settings.plugin_timeout`.
    public var timeout: Duration?
    /// Whether payloads have the client's headers that carry secrets (`Authorization`, `Cookie` and the like) at hooks whose payload
    /// has headers; at `http_auth_resolve_user` they do for every plugin.
    public var receivesCredentials = false
    /// Its own settings.
    public var config: ValueObject = [:]
    /// Paths within `config` (parts joined by dots) whose values came from the environment, and are therefore never shown.
    public var secretPaths: [String] = []
    /// Where it runs, for `kind: external`.
    public var external: ExternalPluginSettings?
    /// The keys that configuration gives for an external plugin, even if to say the default: its server says the others.
    public var configuredKeys: Set<String> = []
    /// Paths within the entry, outside `config`, whose values came from the environment ("mcp.url").
    public var secretConnectionPaths: [String] = []

    /// Makes an entry with the defaults of everything but name and kind.
    public init(name: String, kind: String) {
        self.name = name
        self.kind = kind
    }

    /// Whether the plugin is loaded at all.
    public var isEnabled: Bool { mode != .disabled }
}

/// When a plugin is asked.
///
/// All fields that are set must match; an empty one matches everything.
public struct PluginCondition: Sendable, Equatable {
    /// Virtual servers.
    public var serverIDs: [String] = []
    /// Tenants.
    public var tenantIDs: [String] = []
    /// Tool names.
    public var tools: [String] = []
    /// Prompt identifiers.
    public var prompts: [String] = []
    /// Resource URIs, as globs whose `*` crosses `/`.
    public var resources: [String] = []
    /// Agent identifiers.
    public var agents: [String] = []
    /// Users, as regular expressions.
    public var userPatterns: [String] = []
    /// Media types.
    public var contentTypes: [String] = []

    /// Makes a condition that always matches.
    public init() {}
}
