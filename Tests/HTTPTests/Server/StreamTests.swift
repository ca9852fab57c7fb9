// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

@Suite struct StreamTests {
    @Test func piecesComeInChunksAndTheConnectionStays() async throws {
        try await TestServer.with { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                for _ in 0..<2 {
                    try await connection.send(get("/stream"))
                    #expect(try await reader.until(headEnd).contains("transfer-encoding: chunked\r\n"))
                    let body = try await reader.until("0\r\n\r\n")
                    for number in 0..<3 { #expect(body.contains("piece \(number)\n")) }
                }
            }
        }
    }

    @Test func http10GetsTheStreamWithoutChunks() async throws {
        try await TestServer.with { server in
            let answer = try await RawConnection.exchange(port: server.port, ["GET /stream HTTP/1.0\r\n\r\n"])
            #expect(answer.hasSuffix("\r\n\r\npiece 0\npiece 1\npiece 2\n"))
            #expect(!answer.contains("chunked"))
        }
    }

    @Test func piecesWrittenFromOutsideArriveInTheirOrder() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                let stream = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                for number in 0..<200 { try await stream.write(ByteBuffer(string: "<\(number)>")) }
                _ = try await reader.until(headEnd)
                var numbers: [Int] = []
                while numbers.count < 200 {
                    let text = try await reader.until(">")
                    let digits = text.split(separator: "<").last?.dropLast() ?? ""
                    numbers.append(try #require(Int(digits)))
                }
                #expect(numbers == Array(0..<200))
                stream.finish()
                _ = try await reader.until("0\r\n\r\n")
            }
        }
    }

    @Test func aWriterWaitsForASlowReader() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port, readAhead: 1) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                let stream = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                let total = 64 << 20
                let piece = ByteBuffer(repeating: 0x61, count: 256 << 10)
                let writer = Task {
                    for _ in 0..<(total / piece.readableBytes) { try await stream.write(piece) }
                    stream.finish()
                }
                try await eventually("the writer waits") { server.budget.reserved > 64 << 10 }
                #expect(server.budget.reserved <= 8 << 20)
                let body = await readAll(&reader, upTo: "0\r\n\r\n")
                #expect(body >= total)
                try await writer.value
            }
            try await eventually("all bytes are given back") { server.budget.reserved == 0 }
        }
    }

    /// Counts what comes until the text ends it.
    private func readAll(_ reader: inout RawConnection.Reader, upTo end: String) async -> Int {
        var count = 0
        var tail = ""
        while let buffer = try? await reader.iterator.next(isolation: #isolation) {
            count += buffer.readableBytes
            tail = String((tail + String(buffer: buffer).suffix(end.count)).suffix(end.count))
            if tail.hasSuffix(end) { break }
        }
        return count
    }

    @Test func aClientThatLeavesTooMuchLosesTheStream() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder, configure: { $0.maxStreamBacklog = 1 << 20 }) { server in
            try await RawConnection.with(port: server.port, readAhead: 1) { _, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                let stream = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                let piece = ByteBuffer(repeating: 0x61, count: 64 << 10)
                let error = await #expect(throws: HTTPStreamError.self) {
                    for _ in 0..<10_000 {
                        try stream.writeNow(piece)
                        await Task.yield()
                    }
                }
                #expect(error?.code == .tooSlow)
                #expect(stream.isClosed)
                try await eventually("the responder is told") { responder.held.closedCount == 1 }
            }
        }
    }

    @Test func aStreamNobodyHoldsIsCutOff() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                _ = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                #expect(await !reader.rest().hasSuffix("0\r\n\r\n"))
            }
        }
    }

    @Test func aClientThatEndsItsSideEndsTheStream() async throws {
        let responder = EchoResponder()
        try await TestServer.with(responder) { server in
            try await RawConnection.with(port: server.port) { reader, connection in
                try await connection.send(get("/hold"))
                try await eventually("the request is held") { responder.held.count == 1 }
                let stream = try #require(responder.held.take()).stream(status: .ok, headers: [:])
                _ = try await reader.until(headEnd)
                connection.finish()
                try await eventually("the stream is closed") { stream.isClosed && responder.held.closedCount == 1 }
                #expect(throws: HTTPStreamError.self) { try stream.writeNow(ByteBuffer(string: "x")) }
            }
        }
    }
}
