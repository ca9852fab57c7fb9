// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

@Test func anEntryIsReadInFull() {
    let attempt = Attempt(
        """
        plugins:
          - name: PIIFilter
            kind: plugins.pii_filter.pii_filter.PIIFilterPlugin
            description: masks
            author: me
            version: 1.10
            namespace: ns
            hooks: [tool_pre_invoke, prompt_post_fetch]
            tags: [a, 2]
            mode: audit
            on_error: disable
            priority: "-5"
            timeout: 1.5
            receives_credentials: true
            conditions:
              - server_ids: [s]
                tenant_ids: [t]
                tools: [calc]
                prompts: [p]
                user_patterns: ["^admin"]
                content_types: ["Application/JSON; charset=utf-8", " text/plain "]
              - resources: []
            applied_to:
              tools: [{tool_name: calc, fields: [args], result: true}]
              prompts: [{prompt_name: p, context: [global.a]}]
              resources: [{resource_uri: u, extensions: {policy: x}}]
            config:
              words: [{search: a, replace: b}]
        """)
    #expect(attempt.errors == [])
    var entry = PluginEntry(name: "PIIFilter", kind: "plugins.pii_filter.pii_filter.PIIFilterPlugin")
    entry.description = "masks"
    entry.author = "me"
    entry.version = "1.10"
    entry.namespace = "ns"
    entry.hooks = [.toolPreInvoke, .promptPostFetch]
    entry.tags = ["a", "2"]
    entry.mode = .audit
    entry.errorPolicy = .disable
    entry.priority = -5
    entry.timeout = .milliseconds(1_500)
    entry.receivesCredentials = true
    var first = PluginCondition()
    first.serverIDs = ["s"]
    first.tenantIDs = ["t"]
    first.tools = ["calc"]
    first.prompts = ["p"]
    first.userPatterns = ["^admin"]
    first.contentTypes = ["application/json", "text/plain"]
    entry.conditions = [first, PluginCondition()]
    entry.appliedTo = [
        "tools": [["context": nil, "extensions": nil, "tool_name": "calc", "fields": ["args"], "result": true]],
        "prompts": [["context": ["global.a"], "extensions": nil, "prompt_name": "p", "fields": nil, "result": false]],
        "resources": [
            ["context": nil, "extensions": ["policy": "x"], "resource_uri": "u", "fields": nil, "result": false]
        ],
    ]
    entry.config = ["words": [["search": "a", "replace": "b"]]]
    #expect(attempt.settings?.plugins == [entry])
}

@Test(arguments: PluginMode.allCases)
func bothVocabulariesOfModesAreRead(mode: PluginMode) {
    #expect(Attempt("plugins: [{name: a, kind: k, mode: \(mode.rawValue)}]").settings?.plugins.first?.mode == mode)
}

@Test func sectionsWithoutAValueAreAbsent() {
    let attempt = Attempt(
        """
        plugins:
          - name: a
            kind: k
            hooks:
            tags: ~
            conditions: null
            config:
              # nothing yet
            applied_to:
        plugin_settings:
        grpc_server_settings:
        server_settings: ~
        """)
    #expect(attempt.errors == [])
    #expect(attempt.settings?.plugins == [PluginEntry(name: "a", kind: "k")])
}

@Test(
    arguments: [
        ("{kind: k}", "plugins[0].name: is missing; every plugin has one"),
        ("{name: a}", "plugins[0].kind: is missing; every plugin has one"),
        ("{name: '', kind: k}", "plugins[0].name: \"\" is not a name; give text that is not empty"),
        ("a", "plugins[0]: is a string; give a mapping (`key: value`)"),
        ("~", "plugins[0]: is empty; give a mapping (`key: value`), or remove it"),
        (
            "{name: a, kind: k, hooks: tool_pre_invoke}",
            "plugins[0].hooks: is a string; give a list (`[first, second]`)"
        ),
        ("{name: a, kind: k, tags: [[b]]}", "plugins[0].tags[0]: is a list; give text"),
        (
            "{name: a, kind: k, hooks: [tool_pre_invok]}",
            "plugins[0].hooks[0]: unknown hook \"tool_pre_invok\"; did you mean \"tool_pre_invoke\"?"
        ),
        ("{name: a, kind: k, mode: off}", nil),
        ("{name: a, kind: k, priority: high}", nil),
        ("{name: a, kind: k, config: [1]}", "plugins[0].config: is a list; give a mapping (`key: value`)"),
        ("{name: a, kind: k, config: text}", "plugins[0].config: is a string; give a mapping (`key: value`)"),
        (
            "{name: a, kind: k, conditions: [{toolz: [x]}]}",
            "plugins[0].conditions[0].toolz: unknown key; did you mean \"tools\"?"
        ),
        (
            "{name: a, kind: k, hooks: [prompt_pre_fetch], conditions: [{tools: [x]}]}",
            "plugins[0].conditions[0].tools: no hook of this plugin looks at tools; remove it, "
                + "or add tool_pre_invoke or tool_post_invoke to hooks"
        ),
        (
            "{name: a, kind: k, applied_to: {tools: [{fields: [x]}]}}",
            "plugins[0].applied_to.tools[0].tool_name: is missing; name what the plugin applies to"
        ),
        (
            "{name: a, kind: k, on_error: ignored}",
            "plugins[0].on_error: \"ignored\" is not an on_error; did you mean \"ignore\"? give fail, ignore or disable"
        ),
        (
            "{name: a, kind: k, timeout: 0}",
            "plugins[0].timeout: \"0\" is not a time; give a number of seconds above 0 and up to 31536000"
        ),
        (
            "{name: a, kind: external, config: {x: 1}, grpc: {target: 'h:1'}}",
            "plugins[0].config: an external plugin's config is set on the server that runs it; remove it here"
        ),
    ] as [(String, String?)])
func faultsOfAnEntryAreToldWithTheirKey(entry: String, error: String?) {
    let errors = Attempt("plugins:\n  - \(entry)\n").errors
    #expect(errors.count >= 1)
    if let error { #expect(errors.contains("server.yaml:2: \(error)"), "\(errors)") }
}

@Test func namesAreUniqueWithoutRegardToCase() {
    let attempt = Attempt(
        """
        plugins:
          - {name: Filter, kind: k}
          - {name: other, kind: k}
          - {kind: k,
             name: FILTER}
        """)
    #expect(
        attempt.errors == [
            "server.yaml:5: plugins[2].name: \"FILTER\" is the name of another plugin (line 2), upper and lower case being the same; "
                + "give it another"
        ])
}

@Test func unknownKindsFailUnlessTheEntryIsDisabled() {
    let attempt = Attempt(
        """
        plugins:
          - {name: a, kind: PIIFiltr}
          - {name: b, kind: something.else.Entirely}
          - {name: c, kind: something.else.Entirely, mode: disabled}
          - {name: d, kind: PIIFilter}
          - {name: e, kind: external, grpc: {target: "h:1"}}
        """, kinds: ["PIIFilter", "DenyList"])
    #expect(
        attempt.errors == [
            "server.yaml:2: plugins[0].kind: unknown kind \"PIIFiltr\"; did you mean \"PIIFilter\"? (or set mode: disabled)",
            "server.yaml:3: plugins[1].kind: unknown kind \"something.else.Entirely\"; known kinds are PIIFilter, DenyList, external "
                + "(or set mode: disabled)",
        ])
}

@Test func aDisabledEntryNeedsNoHooksOfOurs() {
    let attempt = Attempt("plugins: [{name: a, kind: k, mode: disabled, hooks: [email_pre_send]}]")
    #expect(attempt.errors == [])
    #expect(attempt.warnings.contains { $0.contains("unknown hook \"email_pre_send\"") })
    let custom = Attempt("plugins: [{name: a, kind: k, hooks: [email_pre_send]}]") {
        $0.customHooks = ["email_pre_send"]
    }
    #expect(custom.errors == [])
}

@Test func keysOfCpexThatDoNothingHereWarn() {
    let attempt = Attempt("plugins: [{name: a, kind: k, capabilities: [read_headers], max_content_size: 5}]")
    #expect(attempt.errors == [])
    #expect(attempt.warnings.filter { $0.contains("has no effect here; remove it") }.count == 2)
}

@Test func aPluginsOwnFaultPointsToItsLine() {
    let loaded = Attempt(
        """
        plugins:
          - name: a
            kind: k
            config:
              words:
                - search: "["
                  replace: x
                - {search: a, replace: b}
              plugin.name: z
        """
    ).loaded
    func line(_ key: String) -> String? { loaded?.diagnostic(plugin: 0, key: key, message: "m").description }
    #expect(line("config.words.0.search") == "server.yaml:6: plugins[0].config.words[0].search: m")
    #expect(line("config.words.1.replace") == "server.yaml:8: plugins[0].config.words[1].replace: m")
    #expect(line("config.words.7.replace") == "server.yaml:5: plugins[0].config.words.7.replace: m")
    #expect(line("config.plugin.name") == "server.yaml:9: plugins[0].config.plugin.name: m")
    #expect(line("config.absent") == "server.yaml:4: plugins[0].config.absent: m")
    #expect(line("kind") == "server.yaml:3: plugins[0].kind: m")
    #expect(line("") == "server.yaml:2: plugins[0]: m")
}
