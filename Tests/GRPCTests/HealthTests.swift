// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Testing

@Suite struct HealthTests {
    private let registry = HealthRegistry()

    private func with(_ body: @Sendable (TestServer, TestClient) async throws -> Void) async throws {
        let registry = registry
        try await TestServer.with(
            HealthService(registry: registry).methods,
            configure: { $0.drainGrace = .seconds(3_600) },
            onDraining: { registry.shutDown() }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                try await body(server, client)
            }
        }
    }

    /// A HealthCheckRequest.
    private func request(_ service: String) -> [UInt8] {
        service.isEmpty ? [] : [0x0A, UInt8(service.utf8.count)] + Array(service.utf8)
    }

    @Test func checkTellsWhatWasSet() async throws {
        registry.set("", .serving)
        registry.set("plugin", .notServing)
        try await with { _, client async throws in
            #expect(try await client.call("/grpc.health.v1.Health/Check", request("")).messages == [[8, 1]])
            #expect(try await client.call("/grpc.health.v1.Health/Check", request("plugin")).messages == [[8, 2]])
            registry.set("plugin", .serving)
            #expect(try await client.call("/grpc.health.v1.Health/Check", request("plugin")).messages == [[8, 1]])
        }
    }

    @Test func checkOfAnUnknownServiceIsNotFound() async throws {
        try await with { _, client async throws in
            #expect(try await client.call("/grpc.health.v1.Health/Check", request("x")).grpcStatus == "5")
        }
    }

    @Test(arguments: [[0x0A], [0x0A, 5, 65], [0x0A, 1, 0xFF], [8, 1, 0x0B], [0xFF]] as [[UInt8]])
    func requestsThatAreNoProtobufAreRefused(_ bytes: [UInt8]) async throws {
        try await with { _, client async throws in
            #expect(try await client.call("/grpc.health.v1.Health/Check", bytes).grpcStatus == "13")
        }
    }

    @Test func unknownFieldsAreIgnored() async throws {
        registry.set("", .serving)
        try await with { _, client async throws in
            let bytes: [UInt8] = [0x10, 0x96, 0x01, 0x1A, 2, 1, 2, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8]
            #expect(try await client.call("/grpc.health.v1.Health/Check", bytes).messages == [[8, 1]])
        }
    }

    @Test func watchTellsNowAndEachChange() async throws {
        try await with { _, client async throws in
            let stream = client.start("/grpc.health.v1.Health/Watch", request("p"))
            func expect(_ messages: [[UInt8]]) async throws {
                try await client.wait("\(messages)") { $0.responses[stream]?.messages == messages }
            }
            try await expect([[8, 3]])
            registry.set("p", .serving)
            try await expect([[8, 3], [8, 1]])
            registry.set("p", .serving)
            registry.set("p", .notServing)
            try await expect([[8, 3], [8, 1], [8, 2]])
            client.reset(stream)
        }
    }

    @Test func shutdownTellsWatchersAndDoesNotWaitForThem() async throws {
        registry.set("", .serving)
        try await with { server, client async throws in
            let stream = client.start("/grpc.health.v1.Health/Watch", request(""))
            try await client.wait("serving") { $0.responses[stream]?.messages == [[8, 1]] }
            await server.shutDown()
            let response = try await client.response(stream)
            #expect(response.messages == [[8, 1], [8, 2]])
            #expect(response.grpcStatus == "14")
        }
        registry.set("", .serving)
        #expect(registry.status(of: "") == .notServing)
    }

    @Test func listTellsAllAndRefusesMoreThanAHundred() async throws {
        registry.set("", .serving)
        registry.set("p", .notServing)
        try await with { _, client async throws in
            let message = try await client.call("/grpc.health.v1.Health/List").messages.first ?? []
            let entries: [[UInt8]] = [[0x0A, 6, 0x0A, 0, 0x12, 2, 8, 1], [0x0A, 7, 0x0A, 1, 0x70, 0x12, 2, 8, 2]]
            #expect(message == entries[0] + entries[1] || message == entries[1] + entries[0])
            for number in 0..<98 { registry.set("p\(number)", .serving) }
            #expect(try await client.call("/grpc.health.v1.Health/List").grpcStatus == "0")
            registry.set("one more", .serving)
            #expect(try await client.call("/grpc.health.v1.Health/List").grpcStatus == "8")
        }
    }
}
