// SPDX-License-Identifier: Apache-2.0

import GRPC
import Logging
import NIOCore
import NIOPosix
import Sockets
import Synchronization
import Testing

extension GRPCChannel {
    /// A channel for as long as a closure runs; fails when anything of it is left.
    static func with<R: Sendable>(
        _ target: String,
        budget: ByteBudget = ByteBudget(),
        configure: (inout GRPCChannelConfiguration) -> Void = { _ in },
        resolver: AddressResolver = .system,
        log: LogRecorder = LogRecorder(),
        exchange: Exchange? = nil,
        _ body: (GRPCChannel) async throws -> R
    ) async throws -> R {
        var configuration = GRPCChannelConfiguration()
        // Other tests may keep the machine busy for a long time.
        configuration.connectTimeout = .seconds(60)
        configure(&configuration)
        let channel = GRPCChannel(
            target: try GRPCTarget(target), configuration: configuration,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: budget, logger: log.logger,
            resolver: resolver, exchange: exchange)
        do {
            let result = try await body(channel)
            await channel.shutDown(grace: .zero)
            try await eventually("the budget is given back") { budget.reserved == 0 }
            return result
        } catch {
            await channel.shutDown(grace: .zero)
            throw error
        }
    }

    /// A call with bytes.
    func call(_ path: String, _ bytes: [UInt8] = [], timeout: Duration? = .seconds(60)) async throws -> [UInt8] {
        Array(try await unary(path, ByteBuffer(bytes: bytes), timeout: timeout).readableBytesView)
    }

    /// How a call ended.
    func outcome(
        _ path: String, _ bytes: [UInt8] = [], timeout: Duration? = .seconds(60)
    ) async -> Result<[UInt8], GRPCStatus> {
        do throws(GRPCStatus) {
            return .success(
                Array(try await unary(path, ByteBuffer(bytes: bytes), timeout: timeout).readableBytesView))
        } catch {
            return .failure(error)
        }
    }
}

extension Result where Failure == GRPCStatus {
    /// The code of the status, OK for an answer.
    var code: GRPCStatus.Code {
        switch self {
        case .success: .ok
        case .failure(let status): status.code
        }
    }

    /// The message of the status.
    var message: String {
        switch self {
        case .success: ""
        case .failure(let status): status.message
        }
    }
}

/// A value behind a lock, which closures may share.
final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in
            var copy = value
            let result = body(&copy)
            value = copy
            return result
        }
    }
}

/// A port that nobody listens on.
func freePort() throws -> Int {
    let listener = try ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))
    defer { listener.close() }
    guard case .tcp(_, let port)? = listener.addresses.first else { throw TestFailure("no port") }
    return port
}

/// Why a suite is run by hand alone: it stops servers and starts others on their ports, which a busy machine does not always give in time.
let restartTests: Comment = "restarts servers on fixed ports; set GATEHOUSE_RESTART_TESTS=1 to run it"
