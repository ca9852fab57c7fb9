// SPDX-License-Identifier: Apache-2.0

import Values

/// The names of the plugin contract over MCP, as ContextForge has them.
enum PluginTools {
    static let serverName = "MCP Plugin Server"

    static let invokeHook = "invoke_hook"
    static let getPluginConfig = "get_plugin_config"
    static let getPluginConfigs = "get_plugin_configs"

    /// The result of `tools/list`.
    static let list: Value = [
        "tools": [
            tool(getPluginConfigs, "The configurations of all plugins of this server.", [:]),
            tool(
                getPluginConfig, "The configuration of one plugin; an empty object when there is none of this name.",
                ["name": text("The plugin's name, in any case.")]),
            tool(
                invokeHook, "Runs one hook of one plugin.",
                [
                    "hook_type": text("The hook, such as tool_pre_invoke."),
                    "plugin_name": text("The plugin's name."),
                    "payload": object("What the hook is about."),
                    "context": object("What is known about the request: state, metadata, global_context."),
                ]),
        ]
    ]

    private static func tool(_ name: String, _ description: String, _ properties: ValueObject) -> Value {
        [
            "name": .string(name), "description": .string(description),
            "inputSchema": [
                "type": "object", "properties": .object(properties),
                "required": .array(properties.map { .string($0.key) }),
            ],
        ]
    }

    private static func text(_ description: String) -> Value {
        ["type": "string", "description": .string(description)]
    }
    private static func object(_ description: String) -> Value {
        ["type": "object", "description": .string(description)]
    }
}
