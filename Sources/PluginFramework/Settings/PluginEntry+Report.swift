// SPDX-License-Identifier: Apache-2.0

public import Values

extension PluginEntry {
    /// The entry as `GetPluginConfig` answers it: every field that ContextForge 1.0 has, null where unset.
    ///
    /// The mode is one of the four names that both of ContextForge's generations understand. `on_error` is there only when
    /// it was configured: the older generation ignores it, and the newer one refuses a null. Name, kind, hooks, tags, mode,
    /// priority and conditions are never masked, because callers act on them.
    ///
    /// - Parameters:
    ///   - mask: What is secret; nil shows everything (`expose_config: full`).
    public func report(masking mask: SecretMask?) -> Value {
        var report: ValueObject = [
            "name": .string(name),
            "description": .optional(description),
            "author": .optional(author),
            "kind": .string(kind),
            "namespace": .optional(namespace),
            "version": .optional(version),
            "hooks": .array(hooks.map { .string($0.rawValue) }),
            "tags": .array(tags.map { .string($0) }),
            "mode": .string(mode.reported(errorPolicy: errorPolicy).rawValue),
            "priority": .int(Int64(priority)),
            "conditions": .array(conditions.map(\.report)),
            "applied_to": appliedTo ?? .null,
            "config": config.isEmpty ? .null : .object(config),
            "mcp": .null,
            "grpc": .null,
            "unix_socket": .null,
        ]
        if let errorPolicy { report["on_error"] = .string(errorPolicy.rawValue) }
        if let external { report[external.sectionName] = external.report }
        guard let mask else { return .object(report) }

        report["config"] = mask.masking(report["config", default: .null], secretPaths: secretPaths)
        for section in ["mcp", "grpc", "unix_socket"] {
            let prefix = section + "."
            let paths = secretConnectionPaths.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            report[section] = mask.masking(report[section, default: .null], secretPaths: paths)
        }
        for field in ["description", "author", "namespace", "version"]
        where secretConnectionPaths.contains(field) && report[field] != .null {
            report[field] = .string(SecretMask.replacement)
        }
        return .object(report)
    }
}

extension PluginMode {
    /// The name, of those that both of ContextForge's generations understand, that comes nearest.
    ///
    /// The older generation refuses cpex's names; the newer one maps the old names to its own.
    public func reported(errorPolicy: PluginErrorPolicy?) -> PluginMode {
        switch self {
        case .enforce, .sequential, .concurrent:
            switch errorPolicy {
            case .ignore, .disable: .enforceIgnoreError
            case .fail, nil: .enforce
            }
        case .permissive, .transform, .audit, .fireAndForget: .permissive
        case .enforceIgnoreError, .disabled: self
        }
    }
}

extension PluginCondition {
    /// Every field, null where empty.
    fileprivate var report: Value {
        .object([
            "server_ids": .optional(serverIDs), "tenant_ids": .optional(tenantIDs), "tools": .optional(tools),
            "prompts": .optional(prompts), "resources": .optional(resources), "agents": .optional(agents),
            "user_patterns": .optional(userPatterns), "content_types": .optional(contentTypes),
        ])
    }
}

extension ExternalPluginSettings {
    /// The key of the entry that holds these settings.
    package var sectionName: String {
        switch self {
        case .grpc: "grpc"
        case .unixSocket: "unix_socket"
        case .mcp: "mcp"
        }
    }

    /// Every field, null where unset.
    fileprivate var report: Value {
        switch self {
        case .grpc(let target):
            return .object([
                "target": .optional(target.target), "uds": .optional(target.uds),
                "tls": target.tls.map { $0.report(withHostname: false) } ?? .null,
            ])
        case .unixSocket(let target):
            return .object([
                "path": .string(target.path), "reconnect_attempts": .int(Int64(target.reconnectAttempts)),
                "reconnect_delay": .double(target.reconnectDelay.inSeconds),
                "timeout": .double(target.timeout.inSeconds),
            ])
        case .mcp(let target):
            let environment = target.environment.sorted { $0.key.precedesInBytes($1.key) }
            return .object([
                "proto": .string(target.transport.rawValue), "url": .optional(target.url),
                "script": .optional(target.script), "cmd": .optional(target.command),
                "env": environment.isEmpty
                    ? .null : .object(ValueObject(environment.map { ($0.key, .string($0.value)) })),
                "cwd": .optional(target.workingDirectory), "uds": .optional(target.uds),
                "tls": target.tls.map { $0.report(withHostname: true) } ?? .null,
                "reconnect_attempts": .int(Int64(target.reconnectAttempts)),
                "reconnect_delay": .double(target.reconnectDelay.inSeconds),
            ])
        }
    }
}

extension ClientTLSSettings {
    fileprivate func report(withHostname: Bool) -> Value {
        var report: ValueObject = [
            "certfile": .optional(certificateFile), "keyfile": .optional(keyFile), "ca_bundle": .optional(caBundle),
            "keyfile_password": .optional(keyFilePassword), "verify": .bool(verify),
        ]
        if withHostname { report["check_hostname"] = .bool(checkHostname) }
        return .object(report)
    }
}

extension Duration {
    /// The seconds as ContextForge writes them.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

extension Value {
    fileprivate static func optional(_ text: String?) -> Value { text.map { .string($0) } ?? .null }

    fileprivate static func optional(_ texts: [String]) -> Value {
        texts.isEmpty ? .null : .array(texts.map { .string($0) })
    }
}
