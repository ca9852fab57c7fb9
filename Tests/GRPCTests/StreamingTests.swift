// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Synchronization
import Testing

@Suite struct StreamingTests {
    @Test func messagesGoBothWaysInOrder() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Bidi"))
                for number in 0..<100 as Range<UInt8> {
                    client.send(TestClient.framed([number]), on: stream)
                    try await client.wait("message \(number)") {
                        $0.responses[stream]?.messages.count == Int(number) + 1
                    }
                }
                client.send(ByteBuffer(), on: stream, endStream: true)
                let response = try await client.response(stream)
                #expect(response.messages == (0..<100).map { [$0] })
                #expect(response.trailers?.first(name: "grpc-status") == "0")
                try await eventually("all is given back") { server.budget.reserved == 0 }
            }
        }
    }

    @Test func manyMessagesMayComeInOneFrame() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Bidi"))
                var data = ByteBuffer()
                for number in 0..<200 as Range<UInt8> { data.writeImmutableBuffer(TestClient.framed([number])) }
                client.send(data, on: stream, endStream: true)
                #expect(try await client.response(stream).messages == (0..<200).map { [$0] })
            }
        }
    }

    @Test func aCallWithoutMessagesEndsWell() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Bidi"), endStream: true)
                let response = try await client.response(stream)
                #expect(response.grpcStatus == "0")
                #expect(response.data.readableBytes == 0)
            }
        }
    }

    @Test func oneRequestMayHaveManyResponses() async throws {
        let count = GRPCMethod.serverStreaming("/test.Test/Count") { call, writer in
            for number in 0..<(call.message.getInteger(at: call.message.readerIndex, as: UInt8.self) ?? 0) {
                try await writer.send(ByteBuffer(bytes: [number]))
            }
        }
        try await TestServer.with([count]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                #expect(try await client.call("/test.Test/Count", [5]).messages == [[0], [1], [2], [3], [4]])
                #expect(try await client.call("/test.Test/Count", [0]).grpcStatus == "0")
                let none = client.open(TestClient.headers("/test.Test/Count"), endStream: true)
                #expect(try await client.response(none).grpcStatus == "12")
                let two = client.open(TestClient.headers("/test.Test/Count"))
                client.send(TestClient.framed([1]), on: two)
                client.send(TestClient.framed([1]), on: two, endStream: true)
                #expect(try await client.response(two).grpcStatus == "12")
            }
        }
    }

    @Test func anErrorAfterSomeResponsesComesInTheTrailers() async throws {
        let method = GRPCMethod.serverStreaming("/test.Test/Fail") { _, writer in
            try await writer.send(ByteBuffer(bytes: [1]))
            throw GRPCStatus(.aborted, "that was all")
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Fail", [1])
                #expect(response.messages == [[1]])
                #expect(response.trailers?.first(name: "grpc-status") == "10")
                #expect(response.trailers?.first(name: "grpc-message") == "that was all")
            }
        }
    }

    @Test func aHandlerThatEndsEarlyTellsTheClientToStop() async throws {
        let method = GRPCMethod.streaming("/test.Test/First") { _, requests, writer in
            for try await message in requests {
                try await writer.send(message)
                return
            }
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/First"))
                client.send(TestClient.framed([1]), on: stream)
                let response = try await client.response(stream)
                #expect(response.messages == [[1]])
                #expect(response.grpcStatus == "0")
                try await client.wait("the reset") { $0.responses[stream]?.reset == .noError }
            }
        }
    }

    @Test func aDeadlineEndsAStreamingCall() async throws {
        let ended = Promise<Bool>()
        let method = GRPCMethod.streaming("/test.Test/Read") { _, requests, _ in
            do {
                for try await _ in requests {}
            } catch {
                ended.succeed(Task.isCancelled)
                throw error
            }
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Read", [("grpc-timeout", "100m")]))
                client.send(TestClient.framed([1]), on: stream)
                #expect(try await client.response(stream).grpcStatus == "4")
                #expect(await ended.value())
            }
        }
    }

    @Test func aResetEndsBothHalvesOfTheHandler() async throws {
        let readEnded = Promise<Bool>()
        let writeEnded = Promise<Bool>()
        let method = GRPCMethod.streaming("/test.Test/Both") { _, requests, writer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { readEnded.succeed(true) }
                    for try await _ in requests {}
                }
                group.addTask {
                    defer { writeEnded.succeed(true) }
                    while true { try await writer.send(ByteBuffer(repeating: 1, count: 1_000)) }
                }
                try await group.waitForAll()
            }
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port, manualWindows: true) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Both"))
                client.send(TestClient.framed([1]), on: stream)
                // The client's window is full, so that the writer waits.
                try await client.wait("a full window") { ($0.responses[stream]?.data.readableBytes ?? 0) >= 65_000 }
                client.reset(stream)
                #expect(await readEnded.value())
                #expect(await writeEnded.value())
                try await eventually("all is given back") {
                    server.server.statistics.callsInFlight == 0 && server.budget.reserved == 0
                }
            }
        }
    }

    // MARK: Back-pressure

    @Test func sendingWaitsForTheClient() async throws {
        let sent = Atomic<Int>(0)
        let method = GRPCMethod.serverStreaming("/test.Test/Flood") { _, writer in
            for _ in 0..<1_000 {
                try await writer.send(ByteBuffer(repeating: 1, count: 10_000))
                sent.add(1, ordering: .relaxed)
            }
        }
        try await TestServer.with([method]) { server async throws in
            try await TestClient.with(port: server.port, manualWindows: true) { client async throws in
                let stream = client.start("/test.Test/Flood", [1])
                try await client.wait("a full window") { ($0.responses[stream]?.data.readableBytes ?? 0) == 65_535 }
                // Six messages fit into the window of 65,535 bytes, and the seventh waits; no time makes it more.
                try await Task.sleep(for: .milliseconds(300))
                #expect(sent.load(ordering: .relaxed) == 6)
                for id in [0, stream] { client.send(.windowUpdate(windowSizeIncrement: 20_000_000), on: id) }
                #expect(try await client.response(stream).messages.count == 1_000)
            }
        }
    }

    @Test func theClientIsHeldBackByAHandlerThatDoesNotRead() async throws {
        let goOn = Promise<Bool>()
        let method = GRPCMethod.streaming("/test.Test/Late") { _, requests, writer in
            _ = await goOn.value()
            var total = 0
            for try await message in requests { total += message.readableBytes }
            try await writer.send(ByteBuffer(integer: UInt32(total)))
        }
        try await TestServer.with([method], configure: { $0.streamWindowSize = 100_000 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                try await client.wait("SETTINGS") { $0.settings != nil }
                let stream = client.open(TestClient.headers("/test.Test/Late"))
                for _ in 0..<100 { client.send(TestClient.framed([UInt8](repeating: 1, count: 10_000)), on: stream) }
                client.send(ByteBuffer(), on: stream, endStream: true)
                try await eventually("the window is full") { server.budget.reserved >= 90_000 }
                try await Task.sleep(for: .milliseconds(300))
                // The window, and at most what was given back for the message that was arriving.
                #expect(server.budget.reserved <= 150_000)
                goOn.succeed(true)
                #expect(try await client.response(stream).messages == [[0, 0x0F, 0x42, 0x40]])
                try await eventually("all is given back") { server.budget.reserved == 0 }
            }
        }
    }

    @Test func aMessageLargerThanTheWindowArrives() async throws {
        try await TestServer.with(configure: { $0.streamWindowSize = 1_000 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let message = [UInt8](repeating: 3, count: 200_000)
                for path in ["/test.Test/Bidi", "/test.Test/Echo"] {
                    // Outside the macro, which would print 200 kB twice.
                    let isEcho = try await client.call(path, message).messages == [message]
                    #expect(isEcho, "\(path)")
                }
            }
        }
    }

    @Test func manyStreamsOfLargeMessagesShareAConnection() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let streams = (0..<20).map { number in
                    (number, client.start("/test.Test/Echo", [UInt8](repeating: UInt8(number), count: 1 << 18)))
                }
                for (number, stream) in streams {
                    let message = try await client.response(stream).messages.first
                    #expect(message?.count == 1 << 18)
                    #expect(message?.allSatisfy { $0 == UInt8(number) } == true)
                }
                try await eventually("all is given back") { server.budget.reserved == 0 }
            }
        }
    }
}
