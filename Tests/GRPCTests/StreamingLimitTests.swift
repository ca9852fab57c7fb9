// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Testing

/// Streaming calls live as long as their client wants: what keeps them from using up the server.
@Suite struct StreamingLimitTests {
    /// Opens a streaming call that says one thing and then nothing more.
    private func openIdle(_ client: TestClient) -> Int {
        let stream = client.open(TestClient.headers("/test.Test/Bidi"))
        client.send(TestClient.framed([1]), on: stream)
        return stream
    }

    private func waitUntilServed(_ streams: [Int], by client: TestClient) async throws {
        try await client.wait("one answer each") { state in
            streams.allSatisfy { state.responses[$0]?.data.readableBytes == 6 }
        }
    }

    @Test func idleStreamsLeaveUnaryCallsAlone() async throws {
        try await TestServer.with(configure: { $0.maxCallsInFlight = 5 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                try await waitUntilServed((0..<20).map { _ in openIdle(client) }, by: client)
                #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                // And the other way round: unary calls at their limit are no matter to streams.
                let hanging = (0..<5).map { _ in client.start("/test.Test/Hang", [1]) }
                #expect(try await client.call("/test.Test/Echo", [1]).grpcStatus == "8")
                try await waitUntilServed([openIdle(client)], by: client)
                for stream in hanging { client.reset(stream) }
            }
        }
    }

    @Test func watchersOfHealthAreAHundredAConnectionUnlessMoreAreAllowed() async throws {
        let registry = HealthRegistry()
        registry.set("", .serving)
        let methods = HealthService(registry: registry).methods
        try await TestServer.with(methods, onDraining: { registry.shutDown() }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let streams = (0..<150).map { _ in client.start("/grpc.health.v1.Health/Watch", []) }
                try await client.wait("an answer each") { state in
                    streams.allSatisfy { state.responses[$0]?.headers != nil }
                }
                let refused = streams.filter { client.state.responses[$0]?.grpcStatus == "8" }
                #expect(refused.count == 50)
                #expect(try await client.call("/grpc.health.v1.Health/Check").messages == [[8, 1]])
            }
        }
    }

    @Test func moreStreamsOfAConnectionThanTheLimitAreResourceExhausted() async throws {
        try await TestServer.with(configure: { $0.maxStreamingCallsPerConnection = 3 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let streams = (0..<3).map { _ in openIdle(client) }
                try await waitUntilServed(streams, by: client)
                let response = try await client.call("/test.Test/Bidi", [1])
                #expect(response.grpcStatus == "8")
                let key = "grpc_server_settings.max_streaming_calls_per_connection on"
                #expect(response.grpcMessage?.contains(key) == true)
                #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                // Others have streams of their own.
                try await TestClient.with(port: server.port) { other async throws in
                    #expect(try await other.call("/test.Test/Bidi", [1]).messages == [[1]])
                }
                // One that is given up makes room at once, whether or not its handler has noticed.
                client.reset(streams[0])
                #expect(try await client.call("/test.Test/Bidi", [1]).messages == [[1]])
                #expect(try await client.call("/test.Test/Bidi", [1]).messages == [[1]])
                try await waitUntilServed([openIdle(client)], by: client)
            }
        }
    }

    @Test func moreStreamsOfAllConnectionsThanTheLimitAreResourceExhausted() async throws {
        try await TestServer.with(configure: { $0.maxStreamingCalls = 4 }) { server async throws in
            try await TestClient.with(port: server.port) { first async throws in
                try await TestClient.with(port: server.port) { second async throws in
                    for client in [first, second] {
                        try await waitUntilServed([openIdle(client), openIdle(client)], by: client)
                    }
                    for client in [first, second] {
                        let response = try await client.call("/test.Test/Bidi", [1])
                        #expect(response.grpcStatus == "8")
                        #expect(response.grpcMessage?.contains("grpc_server_settings.max_streaming_calls on") == true)
                        #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                    }
                }
                try await eventually("there is room again") {
                    try await first.call("/test.Test/Bidi", [1]).messages == [[1]]
                }
            }
        }
    }

    @Test func cancelledStreamingHandlersThatGoOnCountAgainstTheirConnection() async throws {
        // Deaf to cancellation until the test ends.
        let release = Promise<Bool>()
        let deaf = GRPCMethod.streaming("/test.Test/Deaf") { _, _, _ in _ = await release.value() }
        try await TestServer.with(
            [deaf] + TestMethods.all, configure: { $0.maxStreamingCallsPerConnection = 5 }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for _ in 0..<20 { client.reset(client.start("/test.Test/Deaf", [1])) }
                let response = try await client.call("/test.Test/Bidi", [1])
                #expect(response.grpcStatus == "8")
                #expect(response.grpcMessage?.contains("max_streaming_calls_per_connection") == true)
                #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
            }
            release.succeed(true)
        }
    }

    // MARK: The first message

    @Test func aStreamWithoutAFirstMessageEndsInTime() async throws {
        let cancelled = Promise<Bool>()
        let method = GRPCMethod.streaming("/test.Test/Read") { _, requests, _ in
            do {
                for try await _ in requests {}
            } catch {
                cancelled.succeed(true)
                throw error
            }
        }
        try await TestServer.with([method], configure: { $0.requestTimeout = .milliseconds(200) }) {
            server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Read"))
                let response = try await client.response(stream)
                #expect(response.grpcStatus == "4")
                #expect(response.grpcMessage?.contains("grpc_server_settings.request_timeout") == true)
                #expect(await cancelled.value())
                try await eventually("no call is left") { server.server.statistics.callsInFlight == 0 }
            }
        }
    }

    @Test func aStreamWithoutAFirstMessageDoesNotHoldUpTheEndForTheWholeGrace() async throws {
        try await TestServer.with(
            configure: {
                $0.requestTimeout = .milliseconds(300)
                $0.drainGrace = .seconds(3_600)
            }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Bidi"))
                try await eventually("the call runs") { server.server.statistics.callsStarted == 1 }
                await server.shutDown()
                try await client.wait("the close") { $0.isClosed }
                #expect(client.state.responses[stream]?.grpcStatus == "4")
            }
        }
    }
}
