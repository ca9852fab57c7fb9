// SPDX-License-Identifier: Apache-2.0

import GRPC
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Sockets
import Synchronization

/// A server on a free port of the loopback, for as long as a closure runs.
struct TestServer: Sendable {
    let port: Int
    let server: GRPCServer
    let budget: ByteBudget
    let group: ServiceGroup
    let log: LogRecorder

    /// Begins graceful shutdown.
    func shutDown() async {
        await group.triggerGracefulShutdown()
    }

    /// Runs a server around `body`, ends it gracefully, and fails when it does not end well.
    static func with<R: Sendable>(
        _ methods: [GRPCMethod] = TestMethods.all,
        budget: ByteBudget = ByteBudget(),
        configure: (inout GRPCServerConfiguration) -> Void = { _ in },
        listeners: [ListeningSocket]? = nil,
        onDraining: @escaping @Sendable () -> Void = {},
        _ body: (TestServer) async throws -> R
    ) async throws -> R {
        var configuration = GRPCServerConfiguration()
        configuration.drainGrace = .seconds(2)
        configure(&configuration)
        let log = LogRecorder()
        let bound = Promise<[ListenAddress]>()
        let server = try GRPCServer(
            listeners: try listeners ?? [ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))],
            methods: methods,
            configuration: configuration,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: budget,
            logger: log.logger,
            onListening: { bound.succeed($0) },
            onDraining: onDraining
        )
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        let running = Task { try await group.run() }
        let addresses = await bound.value()
        var port = 0
        if case .tcp(_, let chosen)? = addresses.first { port = chosen }
        let test = TestServer(port: port, server: server, budget: budget, group: group, log: log)
        do {
            let result = try await body(test)
            await group.triggerGracefulShutdown()
            try await running.value
            return result
        } catch {
            await group.triggerGracefulShutdown()
            try? await running.value
            throw error
        }
    }
}

/// The methods most tests call.
enum TestMethods {
    static let echo = GRPCMethod.unary("/test.Test/Echo") { $0.message }

    /// Suspends before it answers.
    static let hop = GRPCMethod.unary("/test.Test/Hop") { call in
        await Task.yield()
        return call.message
    }

    /// Never answers, until it is cancelled.
    static let hang = GRPCMethod.unary("/test.Test/Hang") { call in
        try await Task.sleep(for: .seconds(3_600))
        return call.message
    }

    static let bidirectional = GRPCMethod.streaming("/test.Test/Bidi") { _, requests, writer in
        for try await message in requests { try await writer.send(message) }
    }

    static let all = [echo, hop, hang, bidirectional]
}

/// A value that comes once.
final class Promise<Value: Sendable>: Sendable {
    private let state = Mutex<(value: Value?, waiters: [CheckedContinuation<Value, Never>])>((nil, []))

    func succeed(_ value: Value) {
        let waiters = state.withLock { state in
            guard state.value == nil else { return [CheckedContinuation<Value, Never>]() }
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state in
                if state.value == nil { state.waiters.append(continuation) }
                return state.value
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}

/// Keeps what is logged.
final class LogRecorder: Sendable {
    private let lines = Mutex<[String]>([])

    var text: [String] { lines.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(recorder: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let line = "\(event.level) \(event.message) \(event.metadata ?? [:])"
            recorder.lines.withLock { $0.append(line) }
        }
    }
}

/// Waits for something that must come to pass; liveness only, so the limit is generous.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < limit else { throw TestFailure("never happened: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
