// SPDX-License-Identifier: Apache-2.0

package import Values

extension PluginEntry {
    /// The entry together with what the plugin's server says of it, as ContextForge merges them: what is configured here wins,
    /// the rest comes from there.
    package func merged(with remote: Value) -> PluginEntry {
        var entry = self
        let fresh = PluginEntry(name: name, kind: kind)

        /// What the server says for a key that is not configured here.
        func remoteValue(_ key: String, isDefault: Bool) -> Value? {
            guard isDefault, !configuredKeys.contains(key), let value = remote[key], !value.isNull else { return nil }
            return value
        }
        func text(_ key: String, _ own: String?) -> String? {
            remoteValue(key, isDefault: own == nil)?.stringValue ?? own
        }

        entry.description = text("description", description)
        entry.author = text("author", author)
        entry.version = text("version", version)
        entry.namespace = text("namespace", namespace)
        if let hooks = remoteValue("hooks", isDefault: hooks.isEmpty)?.texts {
            entry.hooks = hooks.map { HookName(rawValue: $0) }
        }
        if let tags = remoteValue("tags", isDefault: tags.isEmpty)?.texts { entry.tags = tags }
        let mode = remoteValue("mode", isDefault: mode == fresh.mode)?.stringValue.flatMap { PluginMode(rawValue: $0) }
        if let mode {
            // In the old names: our chains run in phases only if a file of ours asks for it, not because a server of cpex reports its
            // own names for everything. What errors mean belongs to the mode: a server must not loosen one that is configured here.
            let policy = remoteValue("on_error", isDefault: errorPolicy == nil)?.stringValue
                .flatMap { PluginErrorPolicy(rawValue: $0) }
            entry.mode = mode.reported(errorPolicy: policy)
            if policy == .disable { entry.errorPolicy = .disable }
        }
        if let priority = remoteValue("priority", isDefault: priority == fresh.priority)?.intValue {
            entry.priority = Int(priority)
        }
        if let conditions = remoteValue("conditions", isDefault: conditions.isEmpty)?.arrayValue {
            entry.conditions = conditions.map(PluginCondition.init(remote:))
        }
        entry.appliedTo = appliedTo ?? remoteValue("applied_to", isDefault: appliedTo == nil)
        if let config = remoteValue("config", isDefault: config.isEmpty)?.objectValue { entry.config = config }
        return entry
    }
}

extension PluginCondition {
    /// A condition as servers report it: absent and null fields are empty.
    fileprivate init(remote: Value) {
        self.init()
        serverIDs = remote["server_ids"]?.texts ?? []
        tenantIDs = remote["tenant_ids"]?.texts ?? []
        tools = remote["tools"]?.texts ?? []
        prompts = remote["prompts"]?.texts ?? []
        resources = remote["resources"]?.texts ?? []
        agents = remote["agents"]?.texts ?? []
        userPatterns = remote["user_patterns"]?.texts ?? []
        contentTypes = remote["content_types"]?.texts ?? []
    }
}

extension Value {
    /// The elements, if this is an array of strings.
    fileprivate var texts: [String]? {
        guard let elements = arrayValue else { return nil }
        let texts = elements.compactMap(\.stringValue)
        return texts.count == elements.count ? texts : nil
    }
}
