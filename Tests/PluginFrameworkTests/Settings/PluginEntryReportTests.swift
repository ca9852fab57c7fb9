// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

/// What `PluginConfig(name="a", kind="k").model_dump()` of mcp-contextforge-gateway 1.0.0 gives.
private let minimal: Value = [
    "name": "a", "description": nil, "author": nil, "kind": "k", "namespace": nil, "version": nil, "hooks": [],
    "tags": [],
    "mode": "enforce", "priority": 100, "conditions": [], "applied_to": nil, "config": nil, "mcp": nil, "grpc": nil,
    "unix_socket": nil,
]

@Test func aReportHasEveryFieldInContextForgesOrder() {
    let report = PluginEntry(name: "a", kind: "k").report(masking: SecretMask())
    #expect(report == minimal)
    #expect(report.objectValue?.keys == minimal.objectValue?.keys)
}

@Test func conditionsHaveEveryFieldNullWhereEmpty() {
    var entry = PluginEntry(name: "a", kind: "k")
    var condition = PluginCondition()
    condition.tools = ["x"]
    entry.conditions = [condition]
    #expect(
        entry.report(masking: nil)["conditions"] == [
            [
                "server_ids": nil, "tenant_ids": nil, "tools": ["x"], "prompts": nil, "resources": nil, "agents": nil,
                "user_patterns": nil, "content_types": nil,
            ]
        ])
}

@Test(
    arguments: [
        (PluginMode.enforce, nil, "enforce"), (.enforceIgnoreError, nil, "enforce_ignore_error"),
        (.permissive, nil, "permissive"),
        (.disabled, nil, "disabled"), (.sequential, nil, "enforce"), (.sequential, .ignore, "enforce_ignore_error"),
        (.sequential, .disable, "enforce_ignore_error"), (.sequential, .fail, "enforce"),
        (.transform, nil, "permissive"),
        (.audit, nil, "permissive"), (.concurrent, nil, "enforce"), (.concurrent, .ignore, "enforce_ignore_error"),
        (.fireAndForget, nil, "permissive"), (.enforce, .ignore, "enforce_ignore_error"),
        (.disabled, .ignore, "disabled"),
    ] as [(PluginMode, PluginErrorPolicy?, String)])
func modesAreReportedByTheFourNamesBothGenerationsKnow(mode: PluginMode, policy: PluginErrorPolicy?, name: String) {
    var entry = PluginEntry(name: "a", kind: "k")
    entry.mode = mode
    entry.errorPolicy = policy
    let report = entry.report(masking: SecretMask())
    #expect(report["mode"] == .string(name))
    #expect(report["on_error"] == policy.map { .string($0.rawValue) })
}

@Test func externalTargetsAreReportedInFull() {
    var entry = PluginEntry(name: "a", kind: "external")
    var grpc = ExternalPluginSettings.GRPCTarget()
    grpc.target = "h:1"
    grpc.tls = ClientTLSSettings()
    entry.external = .grpc(grpc)
    #expect(
        entry.report(masking: nil)["grpc"] == [
            "target": "h:1", "uds": nil,
            "tls": ["certfile": nil, "keyfile": nil, "ca_bundle": nil, "keyfile_password": nil, "verify": true],
        ])
    entry.external = .unixSocket(.init(path: "/tmp/x"))
    #expect(
        entry.report(masking: nil)["unix_socket"] == [
            "path": "/tmp/x", "reconnect_attempts": 3, "reconnect_delay": 0.1, "timeout": 30.0,
        ])
    var mcp = ExternalPluginSettings.MCPTarget(transport: .streamableHTTP)
    mcp.url = "http://example.com/"
    mcp.tls = ClientTLSSettings()
    entry.external = .mcp(mcp)
    #expect(
        entry.report(masking: nil)["mcp"] == [
            "proto": "STREAMABLEHTTP", "url": "http://example.com/", "script": nil, "cmd": nil, "env": nil, "cwd": nil,
            "uds": nil,
            "tls": [
                "certfile": nil, "keyfile": nil, "ca_bundle": nil, "keyfile_password": nil, "verify": true,
                "check_hostname": true,
            ],
            "reconnect_attempts": 3, "reconnect_delay": 0.1,
        ])
    #expect(entry.report(masking: nil)["grpc"] == .null)
}

@Test func secretsAreShownOnlyWhenAskedFor() {
    var entry = PluginEntry(name: "a", kind: "external")
    entry.author = "from environment"
    entry.config = ["api_key": "k1", "other": "from environment", "plain": "p"]
    entry.secretPaths = ["other"]
    var mcp = ExternalPluginSettings.MCPTarget(transport: .stdio)
    mcp.url = "u"
    mcp.environment = ["B_TOKEN": "t", "A": "1"]
    mcp.tls = ClientTLSSettings()
    mcp.tls?.keyFilePassword = "pw"
    entry.external = .mcp(mcp)
    entry.secretConnectionPaths = ["author", "mcp.url"]

    let full = entry.report(masking: nil)
    #expect(full["config"] == .object(entry.config))
    #expect(full["mcp"]?["env"] == ["A": "1", "B_TOKEN": "t"])
    #expect(full["author"] == "from environment")

    let masked = entry.report(masking: SecretMask())
    #expect(masked["config"] == ["api_key": "********", "other": "********", "plain": "p"])
    #expect(masked["mcp"]?["url"] == "********")
    #expect(masked["mcp"]?["env"] == ["A": "1", "B_TOKEN": "********"])
    #expect(masked["mcp"]?["tls"]?["keyfile_password"] == "********")
    #expect(masked["author"] == "********")
    #expect(masked["name"] == "a")
}
