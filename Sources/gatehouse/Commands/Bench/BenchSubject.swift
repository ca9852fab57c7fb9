// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bench
import GRPC
import GRPCTransport
import Logging
import PluginFramework
import PluginServer
import Sockets
import Values

/// A plugin on a plugin server, connected and tried once, that a load can call.
struct BenchSubject: Sendable {
    private let invoker: GRPCPluginInvoker
    private let hook: HookName
    private let payload: Document

    /// What a subject is asked for.
    struct Question: Sendable {
        var plugin: String
        var hook: HookName = .toolPreInvoke
        var payload: Document
    }

    /// Connects, makes one call, does something with the subject, and lets go of it.
    ///
    /// - Parameter connections: How many connections are kept to the server.
    /// - Throws: ``BenchFailure`` when the server or the plugin is not there, or does not answer as it should.
    static func with<Result: Sendable>(
        _ external: ExternalPluginSettings, _ question: Question, connections: Int, lanes: BenchLanes,
        _ body: (BenchSubject) async throws -> Result
    ) async throws -> Result {
        var entry = PluginEntry(name: question.plugin, kind: "external")
        entry.external = external
        var channels = GRPCChannelConfiguration()
        channels.connections = connections
        let connector = GRPCPluginConnector(
            configuration: channels, eventLoopGroup: lanes.group, budget: ByteBudget(),
            logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }))
        let invoker: GRPCPluginInvoker
        do throws(SettingsError) {
            invoker = try connector.invoker(for: entry)
        } catch {
            throw ValidationError("The target cannot be used: \(error)")
        }
        let subject = BenchSubject(invoker: invoker, hook: question.hook, payload: question.payload)
        do {
            try await subject.start()
            let result = try await body(subject)
            await invoker.shutDown()
            return result
        } catch {
            await invoker.shutDown()
            throw error
        }
    }

    private func start() async throws {
        await invoker.start(patience: .seconds(5))
        if let (reason, _) = invoker.downReason {
            throw BenchFailure(
                "Plugin '\(invoker.local.name)' cannot be called: \(reason). Check that the plugin server runs, and that it serves "
                    + "the transport that the option stands for: --target and --uds gRPC, --unix-socket frames, --mcp-url MCP."
            )
        }
        if let failure = await call(0) { throw BenchFailure("The first call failed: \(failure)") }
    }

    /// Makes one call; nil when the plugin decided, else what went wrong.
    func call(_ number: Int) async -> String? {
        let answer = await invoker.invoke(
            PluginInvocation(
                hook: hook, plugin: invoker.local.name, payload: payload,
                context: PluginContext(
                    global: GlobalContext(
                        requestID: "bench-\(number)", user: "ada@example.com", tenantID: "tenant-1"))))
        return switch answer.outcome {
        case .success: nil
        case .failure(let error): "\(error)"
        }
    }
}

/// Why nothing was measured.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
