// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct ShutdownTests {
    @Test func callsInFlightEndBeforeTheConnection() async throws {
        let goOn = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            _ = await goOn.value()
            return call.message
        }
        try await TestServer.with([method], configure: { $0.drainGrace = .seconds(30) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.start("/test.Test/Wait", [1])
                try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
                await server.shutDown()
                try await client.wait("GOAWAY") { $0.goAway != nil }
                #expect(client.state.goAway?.lastStream == stream)
                #expect(client.state.goAway?.code == .noError)
                // Nobody new is let in.
                await #expect(throws: (any Error).self) { try await RawConnection.connect(port: server.port) }
                goOn.succeed(true)
                let response = try await client.response(stream)
                #expect(response.messages == [[1]])
                #expect(response.grpcStatus == "0")
                try await client.wait("the close") { $0.isClosed }
            }
        }
    }

    @Test func idleConnectionsEndAtOnce() async throws {
        let draining = Promise<Bool>()
        try await TestServer.with(
            configure: { $0.drainGrace = .seconds(3_600) },
            onDraining: { draining.succeed(true) }
        ) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                #expect(try await client.call("/test.Test/Echo", [1]).messages == [[1]])
                let silent = try await RawConnection.connect(port: server.port)
                await server.shutDown()
                try await client.wait("the close") { $0.isClosed }
                #expect(try await silent.exchange([]) == [])
                #expect(await draining.value())
            }
        }
    }

    @Test func whatOutlastsTheGraceIsCutAndItsTaskCancelled() async throws {
        let cancelled = Promise<Bool>()
        let method = GRPCMethod.unary("/test.Test/Wait") { call in
            do { try await Task.sleep(for: .seconds(3_600)) } catch { cancelled.succeed(true) }
            return call.message
        }
        try await TestServer.with([method], configure: { $0.drainGrace = .milliseconds(200) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                client.start("/test.Test/Wait", [1])
                try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
                await server.shutDown()
                try await client.wait("the close") { $0.isClosed }
                #expect(await cancelled.value())
            }
            #expect(server.log.text.contains { $0.contains("grace period") })
        }
    }

    @Test func cancellationOfTheServerSkipsTheGrace() async throws {
        let bound = Promise<[ListenAddress]>()
        let server = try GRPCServer(
            listeners: [try .open(.tcp(host: "127.0.0.1", port: 0))],
            methods: TestMethods.all,
            configuration: GRPCServerConfiguration(),
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: ByteBudget(),
            logger: LogRecorder().logger,
            onListening: { bound.succeed($0) }
        )
        let running = Task { try await server.run() }
        guard case .tcp(_, let port)? = await bound.value().first else { return }
        try await TestClient.with(port: port) { client async throws in
            client.start("/test.Test/Hang", [1])
            try await eventually("the call runs") { server.statistics.callsInFlight == 1 }
            running.cancel()
            try await client.wait("the close") { $0.isClosed }
        }
        try await running.value
        #expect(server.statistics.callsInFlight == 0)
        #expect(server.statistics.connections == 0)
    }

    @Test func aHandlerDeafToCancellationDoesNotHoldTheServerForEver() async throws {
        let release = Promise<Bool>()
        let deaf = GRPCMethod.unary("/test.Test/Deaf") { call in
            _ = await release.value()
            return call.message
        }
        try await TestServer.with([deaf], configure: { $0.drainGrace = .milliseconds(100) }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                client.start("/test.Test/Deaf", [1])
                try await eventually("the call runs") { server.server.statistics.callsInFlight == 1 }
            }
        }
        release.succeed(true)
    }

    @Test func aUnixSocketIsServedAndRemoved() async throws {
        var template = Array("/tmp/gatehouse-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/grpc.sock"
        let listeners: [ListeningSocket] = [
            try .open(.unix(UnixSocketSettings(path: path))), try .open(.tcp(host: "::1", port: 0)),
        ]
        let peer = Promise<String>()
        let method = GRPCMethod.unary("/test.Test/Peer") { call in
            peer.succeed(call.peer.description)
            return call.message
        }
        try await TestServer.with([method], listeners: listeners) { server async throws in
            try await TestClient.with(path: path) { client async throws in
                #expect(try await client.call("/test.Test/Peer", [1]).messages == [[1]])
                #expect(await peer.value() == "unix")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
