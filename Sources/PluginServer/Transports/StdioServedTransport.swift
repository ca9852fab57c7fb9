// SPDX-License-Identifier: Apache-2.0

import MCPTransport
import ModelContextProtocol
import PluginConfiguration
import PluginFramework

/// Plugins over MCP on standard input and output, for the one client that has started this process.
struct StdioServedTransport: ServedTransport {
    let transport = PluginServerTransport.stdio
    let warnings: [String] = []
    private let server: StdioServer
    private let context: ServingContext

    /// Takes over the streams.
    init(_ context: ServingContext) throws(ServingError) {
        guard let streams = context.protocolStreams else {
            throw ServingError(
                description: "standard input and output are not open; start the server with both connected to pipes",
                status: ExitStatus.failure)
        }
        self.context = context
        server = StdioServer(
            application: PluginMCPApplication(
                service: context.host, inlineLimit: context.settings.mcp.inlineLimit, version: ProductVersion.current),
            maxMessageBytes: context.settings.mcp.maximumBodySize,
            drainGrace: context.settings.process.gracePeriod, input: streams.input, output: streams.output,
            eventLoopGroup: context.eventLoopGroup, logger: context.logger)
    }

    /// Serves until the client closes our input, or the process is asked to end.
    func run() async throws {
        context.onListening(.stdio, ["stdio"])
        try await server.run()
    }
}
