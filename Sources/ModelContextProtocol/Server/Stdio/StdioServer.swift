// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import Logging
package import NIOCore
internal import ServiceLifecycle
internal import Sockets

/// An MCP server for one client over standard input and output.
///
/// `run()` returns when the client closes our input and its calls have been answered, or on graceful shutdown. Nothing else
/// may write to standard output while it runs.
package struct StdioServer: Service {
    private let application: any MCPServerApplication
    private let limits: MCPServerLimits
    private let maxMessageBytes: Int
    private let input: CInt
    private let output: CInt
    private let drainGrace: Duration
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - maxMessageBytes: the longest message of the client; a longer one ends the session.
    ///   - drainGrace: how long calls may go on once the client has closed our input.
    ///   - input: the descriptor to read from; it is duplicated, and stays open.
    ///   - output: the descriptor to write to; likewise.
    package init(
        application: any MCPServerApplication, limits: MCPServerLimits = MCPServerLimits(),
        maxMessageBytes: Int = 16 << 20, drainGrace: Duration = .seconds(10), input: CInt = 0, output: CInt = 1,
        eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.application = application
        self.limits = limits
        self.maxMessageBytes = maxMessageBytes
        self.drainGrace = drainGrace
        self.input = input
        self.output = output
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
    }

    /// Serves the client.
    ///
    /// - Throws: when the descriptors are no pipes, sockets or terminals.
    package func run() async throws {
        let eventLoop = eventLoopGroup.next()
        let connection = StdioServerConnection(
            application: application, limits: limits, eventLoop: eventLoop, logger: logger)
        let lines = try await open(eventLoop, connection)
        connection.start(lines)
        let isClientGone = await withGracefulShutdownHandler {
            await connection.waitForEnd()
        } onGracefulShutdown: {
            connection.stop()
        }
        if isClientGone {
            // Whoever closes our input and then sends SIGTERM does not want to wait any longer.
            await cancelWhenGracefulShutdown { await connection.drain(atMost: drainGrace) }
        } else {
            await connection.drain(atMost: drainGrace)
        }
        await connection.shutDown()
    }

    private func open(_ eventLoop: any EventLoop, _ receiver: StdioServerConnection) async throws -> LineChannel {
        let ownInput = fcntl(input, F_DUPFD_CLOEXEC, 3)
        let ownOutput = fcntl(output, F_DUPFD_CLOEXEC, 3)
        guard ownInput >= 0, ownOutput >= 0 else {
            throw MCPStdioError(message: "standard input or output is not open; start the server with both")
        }
        do {
            return try await LineChannel.open(
                input: ownInput, output: ownOutput, maxLine: maxMessageBytes, on: eventLoop, receiver: receiver)
        } catch {
            throw MCPStdioError(
                message: "standard input and output cannot be used: \(error); connect them to pipes, as MCP clients do")
        }
    }
}

/// Why a stdio server cannot run.
package struct MCPStdioError: Error, Sendable, CustomStringConvertible {
    /// What failed and what to do.
    package let message: String

    package var description: String { message }
}
