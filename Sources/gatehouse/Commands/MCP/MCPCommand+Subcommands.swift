// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelContextProtocol
import PluginConfiguration
import PluginServer
import Values

extension MCPCommand {
    /// `gatehouse mcp info`.
    struct Info: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Shows what a server says of itself, and the names of what it offers, as JSON.")
        }

        @OptionGroup var options: Options

        @Argument(parsing: .postTerminator, help: "The command that starts the server.")
        var command: [String] = []

        func run() async throws {
            try await options.withClient(command) { client in
                var output: ValueObject = [
                    "revision": .string(client.server.revision.name),
                    "server": .object(client.server.serverInfo),
                    "capabilities": .object(client.server.capabilities),
                ]
                if let instructions = client.server.instructions { output["instructions"] = .string(instructions) }
                let lists = [
                    ("tools", "tools/list", "tools", "name"), ("prompts", "prompts/list", "prompts", "name"),
                    ("resources", "resources/list", "resources", "uri"),
                    ("resources", "resources/templates/list", "resourceTemplates", "uriTemplate"),
                ]
                for (capability, method, list, member) in lists where client.server.capabilities.contains(capability) {
                    let items = try await all(client, method, list)
                    output[list] = .array(items.compactMap { $0[member] })
                }
                StandardStream.output.print(Value.object(output).description)
            }
        }

        /// The items of all pages of a list.
        private func all(_ client: MCPClient, _ method: String, _ list: String) async throws -> [Value] {
            var items: [Value] = []
            var cursor: Value?
            // A server that gives the same page again and again is not to keep us for ever.
            for _ in 0..<1_000 {
                let params = cursor.map { Document(object: ["cursor": $0]) }
                let page = try await client.request(method, params, options: options.requestOptions)
                items += page[list]?.arrayValue ?? []
                cursor = page["nextCursor"]
                if cursor == nil { break }
            }
            return items
        }
    }

    /// `gatehouse mcp call TOOL`.
    struct Call: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Calls a tool, and prints its result as JSON.",
                discussion: """
                    Progress and log messages are printed on stderr. Ends with 1 when the tool fails, and when there is no \
                    answer.
                    """)
        }

        @Argument(help: "The tool.")
        var tool: String

        @Option(help: "Its arguments, as a JSON object; - reads it from stdin.")
        var arguments = "{}"

        @OptionGroup var options: Options

        @Argument(parsing: .postTerminator, help: "The command that starts the server.")
        var command: [String] = []

        func run() async throws {
            let arguments = try MCPCommand.object(arguments, "--arguments")
            try await options.withClient(command) { client in
                let params = Document(object: ["name": .string(tool), "_meta": ["progressToken": "call"]])
                    .setting("arguments", to: arguments)
                let result = try await client.request("tools/call", params, options: options.requestOptions)
                StandardStream.output.print(result.description)
                if result["isError"]?.boolValue == true { throw ExitCode(ExitStatus.failure) }
            }
        }
    }

    /// `gatehouse mcp request METHOD`.
    struct Request: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Sends any request, and prints its result as JSON.")
        }

        @Argument(help: "The method, such as tools/list.")
        var method: String

        @Option(help: "The parameters, as a JSON object; - reads it from stdin.")
        var params: String?

        @OptionGroup var options: Options

        @Argument(parsing: .postTerminator, help: "The command that starts the server.")
        var command: [String] = []

        func run() async throws {
            let params = try params.map { try MCPCommand.object($0, "--params") }
            try await options.withClient(command) { client in
                let result = try await client.request(method, params, options: options.requestOptions)
                StandardStream.output.print(result.description)
            }
        }
    }
}
