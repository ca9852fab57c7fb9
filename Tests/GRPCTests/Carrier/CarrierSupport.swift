// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import Sockets

extension GRPCCarrier {
    /// Carries the methods that most tests call, those of `TestMethods` and `CarrierMethods`.
    static let test = GRPCCarrier(
        path: "/test.Test/Calls", feature: 4,
        methods: [
            Method(kind: 1, path: "/test.Test/Echo"), Method(kind: 2, path: "/test.Test/Hop"),
            Method(kind: 3, path: "/test.Test/Hang"), Method(kind: 4, path: "/test.Test/Where"),
            Method(kind: 5, path: "/test.Test/Grow"), Method(kind: 6, path: "/test.Test/Gate"),
            Method(kind: 7, path: "/test.Test/Refuse"),
        ])
}

extension GRPCChannel {
    /// A channel whose calls share a stream, for as long as a closure runs.
    static func carrying<R: Sendable>(
        _ target: String, features: UInt64 = 4, budget: ByteBudget = ByteBudget(),
        configure: (inout GRPCChannelConfiguration) -> Void = { _ in },
        _ body: (GRPCChannel) async throws -> R
    ) async throws -> R {
        try await with(
            target, budget: budget, configure: configure, exchange: { _ in features }, carrier: .test, body)
    }
}

enum CarrierMethods {
    /// Answers the path of the stream that it was called on.
    static let place = GRPCMethod.unary("/test.Test/Where") { call in
        ByteBuffer(string: call.metadata.first(name: ":path") ?? "")
    }

    /// Answers as many KiB as the request says, each byte the last of the request.
    static let grow = GRPCMethod.unary("/test.Test/Grow") { call in
        var request = call.message
        let count = Int(request.readInteger(as: UInt16.self) ?? 0) << 10
        return ByteBuffer(repeating: request.readInteger(as: UInt8.self) ?? 0, count: count)
    }

    /// Ends with a status that only its handler can have made.
    static let refuse = GRPCMethod.unary("/test.Test/Refuse") { _ in
        throw GRPCStatus(.permissionDenied, "not today, \u{1F511}")
    }

    /// All methods there are, and what carries them.
    static func all(_ more: GRPCMethod...) -> [GRPCMethod] {
        let methods = TestMethods.all + [place, grow, refuse] + more
        return methods + [.carrier(.test, of: methods)]
    }

    /// A frame of a carrier, as a message with its prefix.
    static func frame(
        _ kind: UInt8, _ call: UInt32, _ body: [UInt8] = [], limit: UInt32? = 0, flag: UInt8 = 0
    ) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(kind)
        frame.writeInteger(call)
        if let limit { frame.writeInteger(limit) }
        frame.writeBytes(body)
        return TestClient.framed(Array(frame.readableBytesView), flag: flag)
    }
}
