// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Sockets
import Synchronization

/// A server on a free port of the loopback, for as long as a closure runs.
struct TestServer: Sendable {
    let port: Int
    let server: HTTPServer
    let budget: ByteBudget
    let group: ServiceGroup
    let log: LogRecorder

    func address(_ target: String = "/echo") -> HTTPAddress {
        HTTPAddress(origin: HTTPOrigin(host: "127.0.0.1", port: port), target: target)
    }

    /// Begins graceful shutdown.
    func shutDown() async {
        await group.triggerGracefulShutdown()
    }

    /// Runs a server around `body`, ends it gracefully, and fails when it does not end well.
    static func with<R: Sendable>(
        _ responder: any HTTPResponder = EchoResponder(),
        budget: ByteBudget = ByteBudget(),
        listeners: [ListeningSocket]? = nil,
        configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        onDraining: @escaping @Sendable () -> Void = {},
        _ body: (TestServer) async throws -> R
    ) async throws -> R {
        var configuration = HTTPServerConfiguration()
        configuration.drainGrace = .seconds(2)
        configure(&configuration)
        let log = LogRecorder()
        let bound = Promise<[ListenAddress]>()
        let server = HTTPServer(
            listeners: try listeners ?? [ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))],
            responder: responder,
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
        var port = 0
        if case .tcp(_, let chosen)? = await bound.value().first { port = chosen }
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

/// Answers by what the path asks for.
struct EchoResponder: HTTPResponder {
    /// Requests to `/hold`, for whoever wants to answer them.
    let held = Held()

    final class Held: Sendable {
        private let exchanges = Mutex<[HTTPExchange]>([])
        private let closed = Atomic<Int>(0)

        var count: Int { exchanges.withLock { $0.count } }
        var closedCount: Int { closed.load(ordering: .relaxed) }

        func add(_ exchange: HTTPExchange) {
            exchange.onClose { self.closed.wrappingAdd(1, ordering: .relaxed) }
            exchanges.withLock { $0.append(exchange) }
        }

        func take() -> HTTPExchange? { exchanges.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }

    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        switch request.path {
        case "/hold":
            held.add(exchange)
        case "/drop":
            break
        case "/later":
            let body = request.body
            exchange.eventLoop.execute { exchange.send(HTTPServerResponse(status: .ok, body: body)) }
        case "/inspect":
            let fields = request.headers.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
            exchange.send(
                .text(
                    .ok,
                    "\(request.method.rawValue) \(request.path) \(request.query ?? "-") [\(fields)] "
                        + "\(request.body.readableBytes)"))
        case "/inject":
            exchange.send(HTTPServerResponse(status: .ok, headers: ["x-name": "a\r\nset-cookie: b"]))
        case "/large":
            exchange.send(HTTPServerResponse(status: .ok, body: ByteBuffer(repeating: 0x61, count: 8 << 20)))
        case "/nothing":
            exchange.send(HTTPServerResponse(status: .noContent))
        case "/stream":
            let stream = exchange.stream(status: .ok, headers: ["content-type": "text/event-stream"])
            for number in 0..<3 { try? stream.writeNow(ByteBuffer(string: "piece \(number)\n")) }
            stream.finish()
        default:
            exchange.send(
                HTTPServerResponse(status: .ok, headers: ["content-type": "text/plain"], body: request.body))
        }
    }
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
