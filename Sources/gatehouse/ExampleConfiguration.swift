// SPDX-License-Identifier: Apache-2.0

/// The configuration that `gatehouse plugin-server --example` serves: one entry for each built-in plugin.
enum ExampleConfiguration {
    static let name = "example"

    static let yaml = """
        # The example of `gatehouse plugin-server --example`. Save it to a file, change it, and serve it with --config.
        plugins:
          - name: PIIFilter
            kind: PIIFilterPlugin
            description: Masks personal data in prompts and tool calls
            hooks: [prompt_pre_fetch, prompt_post_fetch, tool_pre_invoke, tool_post_invoke]
            mode: enforce
            priority: 50
            config:
              detect_ssn: true
              detect_credit_card: true
              detect_email: true
              default_mask_strategy: partial

          - name: DenyList
            kind: DenyListPlugin
            description: Refuses prompts that contain any of these words
            hooks: [prompt_pre_fetch]
            mode: enforce
            priority: 100
            config:
              words: [launch-codes]

          - name: SearchReplace
            kind: SearchReplacePlugin
            description: Replaces words by regular expressions
            hooks: [prompt_pre_fetch, prompt_post_fetch, tool_pre_invoke, tool_post_invoke]
            mode: enforce
            priority: 150
            config:
              words:
                - search: colour
                  replace: color

          - name: SecurityFilter
            kind: SecurityFilterPlugin
            description: Refuses dangerous operations in tool arguments
            hooks: [tool_pre_invoke]
            mode: enforce
            priority: 10
            config:
              block_dangerous_ops: true

        grpc_server_settings:
          host: 127.0.0.1
          port: 50051

        """
}
