// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOPosix
import Sockets
import Testing

@Suite struct UnaryCallTests {
    @Test func answersWithHeadersMessageAndTrailers() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Echo", [1, 2, 3])
                #expect(response.httpStatus == "200")
                #expect(response.headers?.first(name: "content-type") == "application/grpc")
                #expect(response.messages == [[1, 2, 3]])
                #expect(response.trailers?.first(name: "grpc-status") == "0")
                #expect(response.reset == nil)
            }
        }
    }

    @Test func answersHandlersThatSuspend() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                for number in 0..<200 {
                    let response = try await client.call("/test.Test/Hop", [UInt8(number)])
                    #expect(response.messages == [[UInt8(number)]])
                    #expect(response.grpcStatus == "0")
                }
                #expect(server.server.statistics.callsInFlight == 0)
                #expect(server.server.statistics.callsStarted == 200)
            }
        }
    }

    @Test func answersAnEmptyMessage() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                #expect(try await client.call("/test.Test/Echo").messages == [[]])
            }
        }
    }

    @Test func unknownMethodIsUnimplementedWithTrailersOnly() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Missing")
                #expect(response.trailers == nil)
                #expect(response.data.readableBytes == 0)
                #expect(response.httpStatus == "200")
                #expect(response.grpcStatus == "12")
                #expect(response.grpcMessage?.contains("/test.Test/Missing") == true)
                #expect(try await client.call("/test.Test/Echo", [7]).messages == [[7]])
            }
        }
    }

    @Test func pathsAreComparedAsBytes() async throws {
        // The same text to String's equality, different bytes: é in one scalar and in two.
        let composed = GRPCMethod.unary("/test.Test/Caf\u{E9}") { _ in ByteBuffer(bytes: [1]) }
        try await TestServer.with([composed]) { server async throws in
            // A connection for each, because the client's HPACK table takes the two for equal.
            for (path, status) in [("/test.Test/Caf\u{E9}", "0"), ("/test.Test/Cafe\u{301}", "12")] {
                try await TestClient.with(port: server.port) { client async throws in
                    #expect(try await client.call(path).grpcStatus == status)
                }
            }
        }
    }

    @Test(arguments: [
        "application/grpc", "application/grpc+proto", "application/grpc;v=1", "application/grpc+proto; a=b",
    ])
    func acceptsContentType(_ type: String) async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                var headers = TestClient.headers("/test.Test/Echo")
                headers.replaceOrAdd(name: "content-type", value: type)
                let stream = client.open(headers)
                client.send(TestClient.framed([5]), on: stream, endStream: true)
                #expect(try await client.response(stream).messages == [[5]])
            }
        }
    }

    @Test(arguments: ["application/json", "application/grpc-web", "application/grpc+json", "application/grpcx", ""])
    func otherContentTypeIs415(_ type: String) async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                var headers = TestClient.headers("/test.Test/Echo")
                headers.replaceOrAdd(name: "content-type", value: type)
                let stream = client.open(headers)
                client.send(TestClient.framed([5]), on: stream, endStream: true)
                let response = try await client.response(stream)
                #expect(response.httpStatus == "415")
                #expect(response.grpcStatus == nil)
            }
        }
    }

    @Test func missingContentTypeIs415() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                var headers = TestClient.headers("/test.Test/Echo")
                headers.remove(name: "content-type")
                #expect(try await client.response(client.open(headers, endStream: true)).httpStatus == "415")
            }
        }
    }

    @Test func otherThanPostIs405() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let headers: HPACKHeaders = [
                    ":method": "GET", ":scheme": "http", ":path": "/test.Test/Echo", "content-type": "application/grpc",
                ]
                let response = try await client.response(client.open(headers, endStream: true))
                #expect(response.httpStatus == "405")
                #expect(response.headers?.first(name: "allow") == "POST")
            }
        }
    }

    @Test func statusOfHandlerReachesTheClientPercentEncoded() async throws {
        let failing = GRPCMethod.unary("/test.Test/Fail") { _ in
            throw GRPCStatus(.failedPrecondition, "100% naïve\nsecond line ☃")
        }
        try await TestServer.with([failing]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Fail")
                #expect(response.trailers == nil)
                #expect(response.grpcStatus == "9")
                #expect(response.grpcMessage == "100%25 na%C3%AFve%0Asecond line %E2%98%83")
            }
        }
    }

    @Test func otherErrorsAreUnknownAndLeakNothing() async throws {
        struct Secret: Error { let password = "hunter2" }
        let failing = GRPCMethod.unary("/test.Test/Fail") { _ in throw Secret() }
        try await TestServer.with([failing]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Fail")
                #expect(response.grpcStatus == "2")
                #expect(response.grpcMessage?.contains("hunter2") == false)
                #expect(response.grpcMessage?.contains("Secret") == false)
            }
            #expect(server.log.text.contains { $0.contains("/test.Test/Fail") && $0.contains("hunter2") })
        }
    }

    @Test func longStatusMessagesAreCut() async throws {
        let failing = GRPCMethod.unary("/test.Test/Fail") { _ in
            throw GRPCStatus(.internal, String(repeating: "x", count: 1 << 20))
        }
        try await TestServer.with([failing]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Fail")
                #expect(response.grpcStatus == "13")
                #expect((response.grpcMessage?.utf8.count ?? 0) < 8_000)
            }
        }
    }

    @Test func handlerSeesMetadataPeerAndDeadline() async throws {
        let seen = Promise<GRPCCall>()
        let method = GRPCMethod.unary("/test.Test/See") { call in
            seen.succeed(call)
            return call.message
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let before = ContinuousClock.now
                _ = try await client.call(
                    "/test.Test/See", [9], headers: [("grpc-timeout", "100S"), ("x-tenant", "t1")])
                let call = await seen.value()
                #expect(call.path == "/test.Test/See")
                #expect(call.metadata.first(name: "x-tenant") == "t1")
                #expect(call.peer.description.hasPrefix("127.0.0.1:"))
                let deadline = try #require(call.deadline)
                #expect(deadline >= before + .seconds(100))
                #expect(deadline <= .now + .seconds(100))
            }
        }
    }

    @Test func smallCallsStartOnTheLoopAndLargeOnesElsewhere() async throws {
        let where_ = GRPCMethod.unary("/test.Test/Where") { _ in
            ByteBuffer(bytes: [MultiThreadedEventLoopGroup.currentEventLoop == nil ? 0 : 1])
        }
        try await TestServer.with([where_], configure: { $0.inlineLimit = 100 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let small = try await client.call("/test.Test/Where", [UInt8](repeating: 0, count: 100))
                let large = try await client.call("/test.Test/Where", [UInt8](repeating: 0, count: 101))
                #expect(small.messages == [[1]])
                #expect(large.messages == [[0]])
            }
        }
    }

    @Test func twoMethodsOfOnePathAreRefused() throws {
        #expect(throws: GRPCServerError.self) {
            try GRPCServer(
                listeners: [],
                methods: [TestMethods.echo, TestMethods.echo],
                eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
                budget: ByteBudget(),
                logger: LogRecorder().logger
            )
        }
    }
}
