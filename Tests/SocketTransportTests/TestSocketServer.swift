// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import NIOPosix
import PluginFramework
import PluginWire
import ServiceLifecycle
import SocketTransport
import Sockets
import Synchronization
import Values

/// Does what the tool's name says.
struct SocketPlugin: Plugin, ToolPreInvoke {
    let settings: NoSettings

    /// Calls that were cancelled, of all tests.
    static let cancelled = Atomic(0)

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        switch call.name {
        case "hang":
            do {
                try await Task.sleep(for: .seconds(3_600))
            } catch {
                Self.cancelled.add(1, ordering: .relaxed)
                throw error
            }
            return .pass
        case "sleep":
            try await Task.sleep(for: .milliseconds(call.args?["ms"]?.intValue ?? 0))
            return .pass(call)
        case "large":
            var call = call
            let count = Int(call.args?["bytes"]?.intValue ?? 0)
            call.args = ["text": .string(String(repeating: "x", count: count))]
            return .pass(call)
        default:
            return .pass(call)
        }
    }
}

/// A raw socket server in this process, for as long as a closure runs.
struct TestSocketServer: Sendable {
    let path: String
    let server: SocketServer
    let budget: ByteBudget
    let log: LogLines
    /// Begins the end as SIGTERM does.
    let drain: @Sendable () async -> Void

    static func with<R: Sendable>(
        features: WireFeatures = .overSocket, grace: Duration = .seconds(60), budget: ByteBudget = ByteBudget(),
        path: String = temporaryPath(), adjusting adjust: (inout UnixSocketServerSettings) -> Void = { _ in },
        _ body: (TestSocketServer) async throws -> R
    ) async throws -> R {
        var settings = UnixSocketServerSettings()
        adjust(&settings)
        let log = LogLines()
        var entry = PluginEntry(name: "Probe", kind: "SocketPlugin")
        entry.timeout = .seconds(300)
        let host = try await PluginHost.load(
            [entry], registry: PluginRegistry([SocketPlugin.self]), logger: LogLines().logger)
        let listening = AsyncStream<Void>.makeStream()
        let server = SocketServer(
            listener: try ListeningSocket.open(.unix(UnixSocketSettings(path: path))), service: host,
            settings: settings, features: features, grace: grace, eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: budget, logger: log.logger, onListening: { _ in listening.continuation.yield() })
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)], logger: quiet)
        )
        let running = Task { try await group.run() }
        var listened = listening.stream.makeAsyncIterator()
        _ = await listened.next()
        let result: Result<R, any Error>
        do {
            result = .success(
                try await body(
                    TestSocketServer(
                        path: path, server: server, budget: budget, log: log,
                        drain: { await group.triggerGracefulShutdown() })))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = try? await running.value
        await host.shutdown()
        return try result.get()
    }

    static func temporaryPath() -> String {
        NSTemporaryDirectory() + "gatehouse-raw-\(UUID().uuidString.prefix(8)).sock"
    }

    /// A request of the probe.
    static func request(_ tool: String, _ args: ValueObject = [:]) throws -> [UInt8] {
        let request = InvokeHookRequest(
            hookType: "tool_pre_invoke", pluginName: "Probe", payload: ToolCall(name: tool, args: args).document,
            context: PluginContext(global: GlobalContext(requestID: "r")))
        return Array(try request.encoded().readableBytesView)
    }

    /// What an answer says: the arguments of the changed call, or the error's code.
    static func says(_ frame: [UInt8]?) throws -> Value {
        guard let frame else { return "nothing" }
        switch try InvokeHookResponse(decoding: ByteBuffer(bytes: frame)).outcome {
        case .result(let result): return result.modifiedPayload?.value["args"] ?? .null
        case .error(let error): return .string(error.code)
        }
    }

    /// A frame of the multiplexed protocol.
    static func tagged(
        _ kind: TaggedFrame.Kind, _ call: UInt32, _ body: [UInt8] = [], limit: UInt32? = nil
    ) -> [UInt8] {
        var buffer = ByteBuffer()
        TaggedFrame.writeHead(kind, call: call, into: &buffer)
        if let limit { buffer.writeInteger(limit) }
        buffer.writeBytes(body)
        return Array(buffer.readableBytesView)
    }
}

extension RawSocket {
    /// Says hello as a peer of ours does; what the server offers.
    func greet() async throws -> WireFeatures {
        try await send(frame: Array(try PeerHello().encoded().readableBytesView))
        let answer = try await frame() ?? []
        return WireFeatures(announced: try PeerHello(decoding: ByteBuffer(bytes: answer)).peer.features)
    }

    /// The next frame of the multiplexed protocol.
    func tagged() async throws -> TaggedFrame? {
        guard let frame = try await frame() else { return nil }
        return TaggedFrame(decoding: ByteBuffer(bytes: frame))
    }
}

extension TaggedFrame {
    /// What the answer in its body says.
    func says() throws -> Value { try TestSocketServer.says(Array(body.readableBytesView)) }
}

/// Keeps what is logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    func contains(_ part: String) -> Bool { lines.withLock { $0 }.contains { $0.contains(part) } }

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
        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
            lines.lines.withLock { $0.append("\(event.message) \(metadata)") }
        }
    }
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
