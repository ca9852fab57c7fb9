// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import HTTP
import Logging
import ModelContextProtocol
import NIOPosix
import PluginConfiguration
import PluginFramework
import PluginServer
import Sockets
import TransportSecurity
import Values

/// `gatehouse mcp`: talks to MCP servers as a client, to try them, and gateways, out.
struct MCPCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "mcp", abstract: "Talks to an MCP server as a client.",
            discussion: """
                The server is a URL such as http://127.0.0.1:4444/mcp, or, behind --, a command that is started and spoken to over \
                its stdin and stdout.
                """,
            subcommands: [Info.self, Call.self, Request.self])
    }

    /// Which server, and how.
    struct Options: ParsableArguments {
        @Option(help: "The URL of the server.")
        var url: String?

        @Option(help: "A Unix socket to connect to instead of the URL's host.")
        var socket: String?

        @Option(
            help: "A header of all requests, as NAME:VALUE; may be repeated. $TOKEN style variables are the shell's.")
        var header: [String] = []

        @Option(
            help: ArgumentHelp(
                "The authorities that an https URL is trusted by (default: the system's).", valueName: "file"))
        var caBundle: String?

        @Option(help: ArgumentHelp("A certificate to show a server that asks for one, PEM.", valueName: "file"))
        var certfile: String?

        @Option(help: ArgumentHelp("The certificate's key (default: in --certfile).", valueName: "file"))
        var keyfile: String?

        @Option(help: "How many seconds the server may take for one answer.")
        var timeout = 60.0

        @Option(
            help:
                "The MCP revision to speak (default: \(ProtocolRevision.latestModern) if the server knows it, else the latest of sessions)."
        )
        var revision: String?

        @Option(name: [.short, .long], help: "How much is logged on stderr.")
        var logLevel = "warning"

        func validate() throws {
            guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError(MCPCommand.logLevelAdvice) }
            if let revision, ProtocolRevision(revision) == nil {
                let all = ProtocolRevision.all.map(\.name).joined(separator: ", ")
                throw ValidationError("--revision must be one of \(all).")
            }
            guard timeout > 0, timeout <= 86_400 else { throw ValidationError("--timeout must be 0 to 86400.") }
            guard header.allSatisfy({ $0.utf8.contains(UInt8(ascii: ":")) }) else {
                throw ValidationError("--header is written NAME:VALUE.")
            }
        }

        var requestOptions: MCPRequestOptions {
            var options = MCPRequestOptions(timeout: .milliseconds(Int64(timeout * 1_000)))
            options.onNotification = { method, params in Self.show(method, params) }
            // Without a level, servers of 2026-07-28 tell no log messages. A question is shown, to be answered by another request.
            options.logLevel = .info
            options.inputRequired = .returned
            return options
        }

        static func show(_ method: String, _ params: Document?) {
            StandardStream.error.print("\(method) \(params?.description ?? "")")
        }

        private func transport(_ command: [String]) throws -> MCPClientTransportSettings {
            if let url {
                guard command.isEmpty else { throw ValidationError("Give --url or a command, not both.") }
                let headers = header.map { header in
                    let parts = header.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                    return (name: String(parts[0]), value: String(parts[1].drop { $0 == " " }))
                }
                return .http(MCPHTTPClientSettings(url: url, unixSocket: socket, headers: headers))
            }
            guard let program = command.first else {
                throw ValidationError("Give --url URL, or -- and the command that starts the server.")
            }
            var settings = MCPStdioClientSettings(command: program, arguments: Array(command.dropFirst()))
            settings.standardErrorLine = { StandardStream.error.print($0) }
            return .stdio(settings)
        }

        /// How the server is connected to.
        private func security(_ logger: Logger) throws -> HTTPClientSecurity {
            guard url?.lowercased().hasPrefix("https:") == true else {
                guard caBundle == nil, certfile == nil, keyfile == nil else {
                    throw ValidationError("--ca-bundle, --certfile and --keyfile need a --url with https://.")
                }
                return .plaintext
            }
            var settings = ClientTLSSettings()
            (settings.caBundle, settings.certificateFile, settings.keyFile) = (caBundle, certfile, keyfile)
            do throws(TLSSettingsError) {
                return .tls(try TLSStore(logger: logger).client(settings, for: .http1, place: "gatehouse mcp"))
            } catch {
                StandardStream.error.print(
                    "--\(error.key.split(separator: "_").joined(separator: "-")): \(error.message)")
                throw ExitCode(ExitStatus.configuration)
            }
        }

        /// Connects, does something with the session, and ends it.
        func withClient(_ command: [String], _ body: (MCPClient) async throws -> Void) async throws {
            signal(SIGPIPE, SIG_IGN)
            let level = Logger.Level(rawValue: logLevel) ?? .warning
            let logger = Logger(label: "gatehouse") { StderrLogHandler(label: $0, level: level, format: .text) }
            let transport = try transport(command)
            let group = MultiThreadedEventLoopGroup.singleton
            let http = HTTPClient(
                security: try security(logger), eventLoopGroup: group, budget: ByteBudget(), logger: logger)
            do {
                let revision = revision.flatMap { ProtocolRevision($0) }
                let mode: MCPProtocolMode =
                    switch revision?.era {
                    case .handshake: .handshake
                    case .modern: .modern
                    case nil: .auto(MCPEraMemory())
                    }
                let client = try await MCPClient.connect(
                    transport, info: ["name": "gatehouse", "version": .string(Version.current)],
                    revision: revision?.era == .handshake ? revision ?? .latestHandshake : .latestHandshake, mode: mode,
                    handler: ShowingHandler(), httpClient: http, eventLoop: group.next(), logger: logger)
                do {
                    try await body(client)
                } catch {
                    await client.close()
                    throw error
                }
                await client.close()
            } catch let error as MCPClientError {
                await http.shutDown()
                StandardStream.error.print("\(error)")
                throw ExitCode(ExitStatus.failure)
            } catch {
                await http.shutDown()
                throw error
            }
            await http.shutDown()
        }
    }

    /// Shows what the server says of its own accord.
    private struct ShowingHandler: MCPClientHandler {
        func notification(_ method: String, _ params: Document?) async { Options.show(method, params) }
    }

    static let logLevelAdvice =
        "--log-level must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))."

    /// Reads JSON that was given as an argument; - reads it from stdin.
    static func object(_ text: String, _ option: String) throws -> Document {
        let bytes = text == "-" ? try StandardInput.readAll() : Array(text.utf8)
        do throws(ValueError) {
            let document = try Document(checkingJSON: bytes)
            guard document.isObject else { throw ValueError(.type, "it is no object") }
            return document
        } catch {
            throw ValidationError("\(option) is no JSON object: \(error)")
        }
    }
}
