// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import DemoServer
import Glibc
import Logging
import NIOPosix
import PluginFramework
import PluginServer
import Sockets

/// `gatehouse demo-server`.
struct DemoServerCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "demo-server",
            abstract: "An MCP server with one of everything, to try a gateway with.",
            discussion: """
                Serves one client over stdin and stdout, as MCP clients start it; with --port or --socket any number of them over \
                HTTP, at the path /mcp, and prints READY and the address on stdout once it listens. Logs go to stderr.
                """)
    }

    @Option(help: "Serve over HTTP at this port; 0 takes a free one.")
    var port: Int?

    @Option(help: "The address to listen on with --port. Nobody has to prove who they are: keep it to this machine.")
    var host = "127.0.0.1"

    @Option(help: "Serve over HTTP at this Unix socket.")
    var socket: String?

    @Option(name: [.short, .long], help: "How much is logged on stderr.")
    var logLevel = "warning"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError(MCPCommand.logLevelAdvice) }
        guard port == nil || socket == nil else { throw ValidationError("Give --port or --socket, not both.") }
    }

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        let level = Logger.Level(rawValue: logLevel) ?? .warning
        let logger = Logger(label: "gatehouse") { StderrLogHandler(label: $0, level: level, format: .text) }
        let process = DemoServerProcess(
            version: Version.current, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let address: ListenAddress
        if let port {
            address = .tcp(host: host, port: port)
        } else if let socket {
            address = .unix(UnixSocketSettings(path: socket))
        } else {
            return try await process.serveStdio()
        }
        try await process.serveHTTP(at: address) { addresses in
            for address in addresses {
                switch address {
                case .tcp: StandardStream.output.print("READY http://\(address)/mcp")
                case .unix: StandardStream.output.print("READY \(address)")
                }
            }
        }
    }
}
