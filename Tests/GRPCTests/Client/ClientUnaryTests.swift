// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import Sockets
import Synchronization
import Testing

@Suite struct ClientUnaryTests {
    @Test func anAnswerComesBack() async throws {
        try await TestServer.with { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                #expect(try await channel.call("/test.Test/Echo", [1, 2, 3]) == [1, 2, 3])
                #expect(try await channel.call("/test.Test/Hop", []) == [])
                #expect(channel.status.connectivity == .ready)
                #expect(channel.status.connections == 1)
            }
        }
    }

    @Test func aStatusComesBackWithItsMessage() async throws {
        let method = GRPCMethod.unary("/test.Test/Fail") { _ in throw GRPCStatus(.notFound, "100 % wëg\n") }
        try await TestServer.with([method]) { server async throws in
            try await GRPCChannel.with("127.0.0.1:\(server.port)") { channel async throws in
                let outcome = await channel.outcome("/test.Test/Fail")
                #expect(outcome.code == .notFound)
                #expect(outcome.message == "100 % wëg\n")
                #expect(await channel.outcome("/test.Test/None").code == .unimplemented)
            }
        }
    }

    @Test func limitsNameThemselvesAndTheirKeys() async throws {
        try await TestServer.with { server async throws in
            let target = "127.0.0.1:\(server.port)"
            try await GRPCChannel.with(
                target, configure: { $0.maxMessageSize = 1_000 }
            ) { channel async throws in
                #expect(try await channel.call("/test.Test/Echo", [UInt8](repeating: 1, count: 1_000)).count == 1_000)
                let outcome = await channel.outcome("/test.Test/Echo", [UInt8](repeating: 1, count: 1_001))
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message.contains("1000 bytes"))
                #expect(outcome.message.contains("gatehouse.grpc_client.max_message_size"))
                // That cost one call.
                #expect(try await channel.call("/test.Test/Echo", [1]) == [1])
            }
            try await GRPCChannel.with(
                target, configure: { $0.maxRequestSize = 1_000 }
            ) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Echo", [UInt8](repeating: 1, count: 1_001))
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message.contains("gatehouse.grpc_client.max_request_size"))
            }
            try await GRPCChannel.with(target, budget: ByteBudget(limit: 100)) { channel async throws in
                let outcome = await channel.outcome("/test.Test/Echo", [UInt8](repeating: 1, count: 101))
                #expect(outcome.code == .resourceExhausted)
                #expect(outcome.message.contains("gatehouse.memory_budget"))
                #expect(try await channel.call("/test.Test/Echo", [1]) == [1])
            }
        }
    }

    @Test func theServerLearnsTheDeadlineAndTheHeaders() async throws {
        let seen = Locked<[String: String]>([:])
        let method = GRPCMethod.unary("/test.Test/Look") { call in
            seen.withLock { seen in
                for (name, value, _) in call.metadata { seen[name] = value }
            }
            let left = try #require(call.deadline) - .now
            #expect(left <= .seconds(90))
            #expect(left > .seconds(1))
            return ByteBuffer()
        }
        try await TestServer.with([method]) { server async throws in
            let port = server.port
            try await GRPCChannel.with("dns:///localhost:\(port)") { channel async throws in
                _ = try await channel.unary(
                    "/test.Test/Look", ByteBuffer(), timeout: .seconds(90), metadata: [("x-tried", "yes")])
            }
            let headers = seen.withLock { $0 }
            #expect(headers[":authority"] == "localhost:\(port)")
            #expect(headers[":scheme"] == "http")
            #expect(headers["te"] == "trailers")
            #expect(headers["content-type"] == "application/grpc")
            #expect(headers["x-tried"] == "yes")
            #expect(headers["grpc-timeout"]?.hasSuffix("u") == true)
        }
    }

    @Test func aUnixSocketIsATarget() async throws {
        let path = "/tmp/gh-client-\(UInt64.random(in: 0 ... .max)).sock"
        let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: path)))
        try await TestServer.with(listeners: [listener]) { _ async throws in
            try await GRPCChannel.with("unix:\(path)") { channel async throws in
                #expect(try await channel.call("/test.Test/Echo", [7]) == [7])
            }
        }
    }
}
