// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import Glibc
import Logging
import NIOCore
import NIOPosix
import PluginFramework
import ServiceLifecycle
import Sockets
import Synchronization

/// A plugin server in this process, for as long as a closure runs.
struct PluginTestServer: Sendable {
    /// What its methods are, of those that we have.
    enum Kind: Sendable {
        case ours
        /// As a server of ContextForge: one package, no exchange of capabilities, no standard health.
        case reference(String)
    }

    /// 0 on a Unix socket.
    let port: Int
    let host: PluginHost

    /// On the Unix socket `path`, else on a free port of the loopback.
    static func with<R: Sendable>(
        _ kind: Kind = .ours, path: String? = nil, plugins: [any Plugin.Type], entries: [PluginEntry],
        _ body: (PluginTestServer) async throws -> R
    ) async throws -> R {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let host = try await PluginHost.load(entries, registry: PluginRegistry(plugins), logger: silent)
        let endpoint = try PluginGRPCEndpoint(service: host)
        var methods = endpoint.methods
        if case .reference(let package) = kind { methods.removeAll { !$0.path.hasPrefix("/\(package).") } }
        let listener: ListeningSocket =
            if let path {
                try .open(.unix(UnixSocketSettings(path: path)))
            } else {
                try .open(.tcp(host: "127.0.0.1", port: 0))
            }
        let bound = AsyncStream<Int>.makeStream()
        let server = try GRPCServer(
            listeners: [listener], methods: methods,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: silent,
            onListening: { addresses in
                guard case .tcp(_, let port)? = addresses.first else {
                    bound.continuation.yield(0)
                    return
                }
                bound.continuation.yield(port)
            })
        // Cancelling it is as good as killing it: connections are closed in the middle of calls.
        let running = Task { try await server.run() }
        await endpoint.publishHealth()
        let following = Task { await endpoint.followHealth() }
        var ports = bound.stream.makeAsyncIterator()
        let result: Result<R, any Error>
        do {
            result = .success(try await body(PluginTestServer(port: await ports.next() ?? 0, host: host)))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = try? await running.value
        await host.shutdown()
        await following.value
        return try result.get()
    }
}

extension GRPCPluginConnector {
    static func make(
        log: LogLines = LogLines(), healthCheckInterval: Duration? = nil,
        configure: (inout GRPCChannelConfiguration) -> Void = { _ in }
    ) -> GRPCPluginConnector {
        var configuration = GRPCChannelConfiguration()
        // Other tests may keep the machine busy for a long time.
        configuration.connectTimeout = .seconds(60)
        configuration.connections = 1
        configure(&configuration)
        return GRPCPluginConnector(
            configuration: configuration, healthCheckInterval: healthCheckInterval,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
            logger: log.logger)
    }
}

extension PluginEntry {
    /// An external entry.
    static func external(_ name: String, _ target: String) -> PluginEntry {
        var entry = PluginEntry(name: name, kind: "external")
        var settings = ExternalPluginSettings.GRPCTarget()
        settings.target = target
        entry.external = .grpc(settings)
        return entry
    }
}

/// Keeps what is logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var text: [String] { lines.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(lines: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { lines.lines.withLock { $0.append("\(event.message)") } }
    }
}

/// A path for a Unix socket in a folder of its own, for as long as a closure runs.
func withSocketPath<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/gatehouse-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw NeverHappened(what: "a folder") }
    let folder = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = folder + "/s"
    defer {
        unlink(path)
        rmdir(folder)
    }
    return try await body(path)
}

/// Waits for something that must come to pass; liveness only, so the limit is generous.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < limit else { throw NeverHappened(what: what) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {
    let what: String
}
