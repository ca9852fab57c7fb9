// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPC
import GRPCTransport
import Logging
import NIOCore
import NIOPosix
import PluginFramework
import Sockets
import Values

/// Runs a pipeline of one external plugin, a number of calls at a time, and prints what became of them as JSON.
///
/// Its callers are tasks on event loops, in turn, as those of a server's connections are.
@main
struct PipelineLoad: AsyncParsableCommand {
    @Option(help: "host:port of the plugin server, or another gRPC target.")
    var target: String?

    @Option(help: "Unix socket of the plugin server.")
    var uds: String?

    @Option(help: "The plugin's name on the server.")
    var plugin = "NoOp"

    @Option(help: "How many calls are in flight at a time.")
    var inFlight = 32

    @Option(help: "On how many event loops.")
    var threads = 2

    @Option(help: "For how long, in seconds.")
    var seconds = 1.0

    @Option(help: "The payload of tool_pre_invoke, as JSON.")
    var payload = #"{"name":"search","args":{"query":"swift"}}"#

    @Option(help: "The time limit of a call, in seconds.")
    var timeout = 30.0

    @Flag(help: "Each call has a stream of its own, also where the server would have calls share one.")
    var singleStreams = false

    @Flag(
        help: "Calls may fail; the plugin, ModifyPlugin, must have changed each that does not, and each in its own way."
    )
    var faults = false

    @Option(help: "Make so many calls of the plugin, ModifyPlugin, and cancel half of them at random moments.")
    var storm: Int?

    func run() async throws {
        var settings = ExternalPluginSettings.GRPCTarget()
        settings.target = target
        settings.uds = uds
        var entry = PluginEntry(name: plugin, kind: "external")
        entry.external = .grpc(settings)
        entry.timeout = .nanoseconds(Int64(timeout * 1e9))
        let logger = Logger(label: "load", factory: { _ in SwiftLogNoOpLogHandler() })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var configuration = GRPCChannelConfiguration()
        configuration.multiplexesCalls = !singleStreams
        let connector = GRPCPluginConnector(
            configuration: configuration, eventLoopGroup: group, budget: ByteBudget(), logger: logger)
        let invoker = try connector.invoker(for: entry)
        await invoker.start()
        if let (reason, _) = invoker.downReason { throw ValidationError("The plugin cannot be called: \(reason)") }
        while invoker.channelStatus.connections < threads { try await Task.sleep(for: .milliseconds(1)) }
        let pipeline = try Pipeline(
            PipelineConfiguration(plugins: [PipelinePlugin(invoker.entry, invoker: invoker)]), logger: logger)
        let load = Load(
            pipeline: pipeline, executors: group.makeIterator().map { EventLoopTaskExecutor.of($0) },
            inFlight: inFlight, duration: .nanoseconds(Int64(seconds * 1e9)))
        var result =
            if let storm {
                await load.storm(of: storm)
            } else if faults {
                await load.withFaults()
            } else {
                await load.plain(Document(try JSONParser.decode(payload.utf8)))
            }
        result["connections_made"] = .int(Int64(invoker.channelStatus.generation))
        print(Value.object(result))
        await pipeline.shutdown()
        await invoker.shutDown()
        try await group.shutdownGracefully()
    }
}
