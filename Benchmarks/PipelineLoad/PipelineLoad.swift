// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPC
import GRPCTransport
import Logging
import NIOPosix
import PluginFramework
import Sockets
import Values

/// Runs a pipeline of one external plugin, a number of calls at a time, and prints how many it made as JSON.
@main
struct PipelineLoad: AsyncParsableCommand {
    @Option(help: "host:port of the plugin server.")
    var target: String?

    @Option(help: "Unix socket of the plugin server.")
    var uds: String?

    @Option(help: "The plugin's name on the server.")
    var plugin = "NoOp"

    @Option(help: "How many calls are in flight at a time.")
    var inFlight = 32

    @Option(help: "For how long, in seconds.")
    var seconds = 1.0

    @Option(help: "The payload of tool_pre_invoke, as JSON.")
    var payload = #"{"name":"search","args":{"query":"swift"}}"#

    func run() async throws {
        var settings = ExternalPluginSettings.GRPCTarget()
        settings.target = target
        settings.uds = uds
        var entry = PluginEntry(name: plugin, kind: "external")
        entry.external = .grpc(settings)
        let logger = Logger(label: "load", factory: { _ in SwiftLogNoOpLogHandler() })
        let connector = GRPCPluginConnector(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, budget: ByteBudget(), logger: logger)
        let invoker = try connector.invoker(for: entry)
        await invoker.start()
        if let (reason, _) = invoker.downReason { throw ValidationError("The plugin cannot be called: \(reason)") }
        let pipeline = try Pipeline(
            PipelineConfiguration(plugins: [PipelinePlugin(invoker.entry, invoker: invoker)]), logger: logger)
        let document = Document(try JSONParser.decode(payload.utf8))

        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        let (calls, failures) = await withTaskGroup(of: (Int, Int).self) { tasks in
            for worker in 0..<inFlight {
                tasks.addTask {
                    var made = 0
                    var failed = 0
                    while ContinuousClock.now < end {
                        var request = PipelineRequest(
                            GlobalContext(requestID: "\(worker)-\(made)", user: "ada@example.com", tenantID: "tenant-1")
                        )
                        let outcome = await pipeline.run(.toolPreInvoke, document, in: &request)
                        if outcome.block == nil, outcome.steps.count == 1 {
                            made += 1
                        } else {
                            failed += 1
                        }
                    }
                    return (made, failed)
                }
            }
            return await tasks.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
        let elapsed = ContinuousClock.now - start
        let result: Value = [
            "calls": .int(Int64(calls)),
            "failures": .int(Int64(failures)),
            "seconds": .double(Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18),
        ]
        print(result)
        await pipeline.shutdown()
        await invoker.shutDown()
    }
}
