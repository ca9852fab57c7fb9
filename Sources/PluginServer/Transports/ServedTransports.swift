// SPDX-License-Identifier: Apache-2.0

import PluginConfiguration
import PluginFramework
import ServiceLifecycle

/// All transports of a process as one service: they drain side by side, and the end of one drains the others.
struct ServedTransports: Service {
    /// The transports that this version can serve.
    static let available: [PluginServerTransport] = [.grpc, .unix, .http, .stdio]

    /// In configured order.
    let transports: [any ServedTransport]
    /// Yields when the first of them has ended.
    let firstEnd: AsyncStream<Void>
    private let ended: AsyncStream<Void>.Continuation

    /// Opens everything that the settings ask for.
    ///
    /// - Throws: ``ServingError`` with the first that cannot be served; what was opened is closed again.
    static func open(_ context: ServingContext) throws(ServingError) -> ServedTransports {
        var transports: [any ServedTransport] = []
        for transport in context.settings.transports {
            do throws(ServingError) {
                transports.append(try open(transport, context))
            } catch {
                throw ServingError(
                    description: "Cannot serve over \(transport.rawValue): \(error)", status: error.status)
            }
        }
        return ServedTransports(transports)
    }

    private static func open(
        _ transport: PluginServerTransport, _ context: ServingContext
    ) throws(ServingError) -> any ServedTransport {
        switch transport {
        case .grpc: try GRPCServedTransport(context)
        case .unix: try UnixServedTransport(context)
        case .http: try HTTPServedTransport(context)
        case .stdio: try StdioServedTransport(context)
        }
    }

    private init(_ transports: [any ServedTransport]) {
        self.transports = transports
        (firstEnd, ended) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// Takes over the plugins' health as it is now.
    func publishHealth() async {
        for transport in transports { await transport.publishHealth() }
    }

    /// Keeps all of them in step with the plugins' health until the task is cancelled.
    func followHealth() async {
        await withTaskGroup(of: Void.self) { tasks in
            for transport in transports { tasks.addTask { await transport.followHealth() } }
        }
    }

    /// Serves until all of them have ended.
    ///
    /// - Throws: What the first of them failed with.
    func run() async throws {
        let failure = await withTaskGroup(of: (any Error)?.self) { tasks in
            for transport in transports {
                tasks.addTask {
                    defer { ended.yield() }
                    do {
                        try await transport.run()
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await tasks.reduce(nil as (any Error)?) { $0 ?? $1 }
        }
        ended.finish()
        if let failure { throw failure }
    }
}
