// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOPosix
import PluginConfiguration
import PluginServer
import Sockets
import Values

extension BenchCommand {
    /// `gatehouse bench tool`: one tool of an MCP server, or of a gateway in front of it.
    struct Tool: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Calls one tool of an MCP server or gateway, and measures each call.",
                discussion: """
                    Give --url, or -- and the command of a server that speaks MCP on its stdin and stdout. Options of the load are \
                    those of `gatehouse bench load`. Ends with 1 when calls failed.
                    """)
        }

        @Option(help: "The server's endpoint, such as http://127.0.0.1:4444/mcp.")
        var url: String?

        @Option(help: ArgumentHelp("The Unix socket through which --url is reached.", valueName: "path"))
        var uds: String?

        @Option(help: ArgumentHelp("A header of every request, as \"name: value\".", valueName: "header"))
        var header: [String] = []

        @Option(
            help:
                "The MCP revision to ask for; 2026-07-28 has no sessions, all before begin with one. (default: \(ProtocolRevision.latestHandshake))"
        )
        var revision: String?

        @Option(help: "The tool's name.")
        var tool: String

        @Option(help: "The tool's arguments, as a JSON object.")
        var arguments = "{}"

        @Argument(
            parsing: .postTerminator,
            help: ArgumentHelp("A server on its stdin and stdout.", valueName: "command"))
        var command: [String] = []

        @OptionGroup var load: BenchLoadOptions

        func validate() throws {
            _ = try transport
            _ = try askedRevision
        }

        private var askedRevision: ProtocolRevision {
            get throws {
                guard let revision else { return .latestHandshake }
                guard let known = ProtocolRevision(revision) else {
                    let all = ProtocolRevision.all.map(\.name).joined(separator: ", ")
                    throw ValidationError("--revision must be one of \(all).")
                }
                return known
            }
        }

        private var transport: MCPClientTransportSettings {
            get throws {
                switch (url, command.first) {
                case (let url?, nil):
                    var settings = MCPHTTPClientSettings(url: url, unixSocket: uds, headers: try headers)
                    settings.opensStream = false
                    return .http(settings)
                case (nil, let program?):
                    return .stdio(MCPStdioClientSettings(command: program, arguments: Array(command.dropFirst())))
                default:
                    throw ValidationError("Say once where the tool is: --url, or -- and a command.")
                }
            }
        }

        private var headers: [(name: String, value: String)] {
            get throws {
                try header.map { header in
                    guard let colon = header.firstIndex(of: ":"), colon != header.startIndex else {
                        throw ValidationError("--header takes \"name: value\", not \"\(header)\".")
                    }
                    let value = header[header.index(after: colon)...].drop { $0 == " " }
                    return (String(header[..<colon]), String(value))
                }
            }
        }

        func run() async throws {
            let given: Value
            do throws(ValueError) {
                given = try JSONParser.decode(arguments.utf8)
            } catch {
                throw ValidationError("--arguments is no JSON: \(error)")
            }
            guard case .object = given else {
                throw ValidationError("--arguments takes a JSON object, not \(given.kindDescription).")
            }
            let params = Document(["name": .string(tool), "arguments": given])
            let transport = try transport
            let revision = try askedRevision
            let measurement = try await load.measure { lanes, run in
                try await Self.with(transport, revision, lanes) { client in
                    if let failure = await Self.call(client, params) {
                        throw BenchFailure("The first call failed: \(failure)")
                    }
                    return await run { _ in await Self.call(client, params) }
                }
            }
            try load.report(measurement, what: "tool       \(tool)")
        }

        /// Connects, does something with the session, and ends it.
        private static func with<Result: Sendable>(
            _ transport: MCPClientTransportSettings, _ revision: ProtocolRevision, _ lanes: BenchLanes,
            _ body: (MCPClient) async throws -> Result
        ) async throws -> Result {
            let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
            var configuration = HTTPClientConfiguration()
            // Every call in flight has one of its own.
            configuration.maxConnectionsPerOrigin = 100_000
            let httpClient = HTTPClient(
                configuration: configuration, eventLoopGroup: lanes.group, budget: ByteBudget(), logger: logger)
            do {
                let client = try await MCPClient.connect(
                    transport, info: ["name": "gatehouse-bench", "version": .string(Version.current)],
                    revision: revision.era == .handshake ? revision : .latestHandshake,
                    mode: revision.era == .handshake ? .handshake : .modern, httpClient: httpClient,
                    eventLoop: lanes.group.next(), logger: logger)
                let outcome: Swift.Result<Result, any Error>
                do { outcome = .success(try await body(client)) } catch { outcome = .failure(error) }
                await client.close()
                await httpClient.shutDown()
                return try outcome.get()
            } catch let error as MCPClientError {
                await httpClient.shutDown()
                throw BenchFailure("The server cannot be called: \(error)")
            }
        }

        /// Makes one call; nil when the tool answered without an error.
        private static func call(_ client: MCPClient, _ params: Document) async -> String? {
            do throws(MCPClientError) {
                let result = try await client.request("tools/call", params)
                guard result["isError"]?.boolValue == true else { return nil }
                return "the tool reports an error: \(result["content"] ?? nil)"
            } catch {
                return "\(error)"
            }
        }
    }
}
