// SPDX-License-Identifier: Apache-2.0

import GRPC
import Glibc
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
        carrier: GRPCCarrier? = nil,
        _ body: (GRPCChannel) async throws -> R
    ) async throws -> R {
        var configuration = GRPCChannelConfiguration()
        // Other tests may keep the machine busy for a long time.
        configuration.connectTimeout = .seconds(60)
        configuration.connections = 1
        configure(&configuration)
        let channel = GRPCChannel(
            target: try GRPCTarget(target), configuration: configuration,
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: budget, logger: log.logger,
            resolver: resolver, exchange: exchange, carrier: carrier)
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

/// A port of the loopback that refuses connections until it is closed: it is bound, and nobody listens.
struct DeadPort {
    let number: Int
    private let descriptor: CInt

    init() throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        // A sockaddr_in (ip(7)): the family, the port, which the system chooses, and the address.
        var address: [UInt8] = [UInt8(AF_INET), 0, 0, 0, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
        var length = socklen_t(address.count)
        let result = address.withUnsafeMutableBytes { bytes in
            let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
        }
        guard result == 0 else { throw TestFailure("no port: \(String(cString: strerror(errno)))") }
        self.descriptor = descriptor
        number = Int(address[2]) << 8 | Int(address[3])
    }

    func close() { _ = Glibc.close(descriptor) }
}

/// A path for a Unix socket in a folder of its own, for as long as a closure runs.
func withSocketPath<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/gatehouse-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("no folder: \(String(cString: strerror(errno)))") }
    let folder = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = folder + "/s"
    defer {
        unlink(path)
        rmdir(folder)
    }
    return try await body(path)
}
