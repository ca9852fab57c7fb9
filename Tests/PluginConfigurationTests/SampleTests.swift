// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

/// Files in the shapes that ContextForge's documentation shows, written anew.
@Test func aServerFileAsDocumentedLoads() {
    let attempt = Attempt(
        """
        # resources/plugins/config.yaml
        plugins:
          - name: "Masking"
            kind: "cpex_pii_filter.PIIFilterPlugin"
            hooks: ["tool_pre_invoke", "tool_post_invoke"]
            mode: "sequential"  # enforce | permissive | disabled
            priority: 50
            conditions:
              # everywhere
              - server_ids: []  # all
                tenant_ids: []
            config:
              detect_ssn: true
              default_mask_strategy: "partial"

          - name: "Replace"
            kind: "plugins.regex_filter.search_replace.SearchReplacePlugin"
            tags: ["plugin", "regex"]
            config:
              words:

                - { search: "colour", replace: "color" }
                - search: grey
                  replace: gray

          - name: "Limits"
            kind: "cpex_rate_limiter.RateLimiterPlugin"
            mode: "disabled"
            config:
              redis_url: '{{ env.LIMITS_REDIS_URL | default(env.REDIS_URL | default("redis://redis:6379/0")) }}'
              by_tool: {}

        plugin_dirs:
          - "plugins/native"

        grpc_server_settings:
          host: "127.0.0.1"
          port: 50051
          # tls:
          #   certfile: /path/to/server.pem
        """, environment: ["REDIS_URL": "redis://other:1/2"],
        kinds: [
            "cpex_pii_filter.PIIFilterPlugin", "plugins.regex_filter.search_replace.SearchReplacePlugin",
        ])
    #expect(attempt.errors == [])
    #expect(attempt.warnings == [])
    #expect(attempt.settings?.plugins.count == 3)
    #expect(
        attempt.settings?.plugins[1].config == [
            "words": [
                ["search": "colour", "replace": "color"], ["search": "grey", "replace": "gray"],
            ]
        ])
    #expect(attempt.settings?.plugins[2].config["redis_url"] == "redis://other:1/2")
    #expect(attempt.settings?.plugins[2].secretPaths == ["redis_url"])
}

@Test func aGatewaysFileAsDocumentedLoads() {
    let attempt = Attempt(
        """
        plugins:
          - name: "Fast"
            kind: "external"
            hooks: ["tool_pre_invoke"]
            priority: 10
            grpc:
              target: "plugin-server:50051"
          - name: "Legacy"
            kind: "external"
            mode: "transform"
            mcp:
              proto: STREAMABLEHTTP
              url: http://localhost:8000/mcp
          - name: "Child"
            kind: "external"
            mcp:
              proto: STDIO
              cmd: ["python", "-m", "server"]
          - name: "Local"
            kind: "external"
            unix_socket:
              path: "/tmp/plugins.sock"
              timeout: 30.0
        plugin_dirs:
          - "plugins/native"
        plugin_settings:
          parallel_execution_within_band: true
          plugin_timeout: 30
          fail_on_plugin_error: false
          enable_plugin_api: true
          plugin_health_check_interval: 60
        """)
    #expect(attempt.errors == [])
    #expect(attempt.settings?.plugins.map(\.mode) == [.enforce, .transform, .enforce, .enforce])
    #expect(attempt.settings?.pipeline.runsPriorityInParallel == true)
}

@Test func aFileWithoutPluginSettingsLoads() {
    #expect(Attempt("plugins: []").errors == [])
    #expect(Attempt("plugin_dirs: []").settings?.plugins == [])
}
