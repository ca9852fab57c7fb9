// SPDX-License-Identifier: Apache-2.0

import CZlib
import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import Sockets
import Testing

/// How requests may arrive, and how they may not.
@Suite struct RequestMessageTests {
    @Test func dataFramesMayBeSplitAnywhere() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let message = [UInt8](0..<50)
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                for byte in TestClient.framed(message).readableBytesView {
                    client.send(ByteBuffer(bytes: [byte]), on: stream)
                    try await client.channel.eventLoop.submit {}.get()
                }
                client.send(ByteBuffer(), on: stream, endStream: true)
                #expect(try await client.response(stream).messages == [message])
            }
        }
    }

    @Test func severalRequestsMayComeInOneSegment() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                var streams: [Int] = []
                for number in 0..<90 {
                    let stream = client.open(TestClient.headers("/test.Test/Echo"), flush: false)
                    let data = TestClient.framed([UInt8(number)])
                    client.send(.data(.init(data: .byteBuffer(data), endStream: true)), on: stream, flush: false)
                    streams.append(stream)
                }
                client.channel.flush()
                for (number, stream) in streams.enumerated() {
                    #expect(try await client.response(stream).messages == [[UInt8(number)]])
                }
            }
        }
    }

    @Test func paddingIsNoPartOfTheMessage() async throws {
        // The pieces are whole frames from a raw peer, because the client library sends no padding.
        let headers: [UInt8] =
            [
                0x83, 0x86,  // POST, http
                0x44, 15,  // :path
            ] + Array("/test.Test/Echo".utf8) + [0x5F, 16] + Array("application/grpc".utf8)
        let body: [UInt8] = [3, 0, 0, 0, 0, 2, 8, 9, 0, 0, 0]
        let ping = RawConnection.frame(6, [1, 2, 3, 4, 5, 6, 7, 8])
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let bytes = try await connection.exchange([
                RawConnection.preface + RawConnection.frame(4)
                    + RawConnection.frame(1, flags: 0x4 | 0x8, stream: 1, [4] + headers + [0, 0, 0, 0])
                    + RawConnection.frame(0, flags: 0x8 | 0x1, stream: 1, body) + ping,
                // Ends the connection once the answer is there.
                RawConnection.frame(7, [0, 0, 0, 0, 0, 0, 0, 0]),
            ])
            #expect(bytes.contains([0, 0, 0, 0, 2, 8, 9]))
        }
    }

    @Test func trailersOfTheClientEndTheRequest() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(TestClient.framed([4]), on: stream)
                client.send(.headers(.init(headers: ["x-checksum": "1"], endStream: true)), on: stream)
                #expect(try await client.response(stream).messages == [[4]])
            }
        }
    }

    @Test func aSecondMessageOfAUnaryCallIsUnimplemented() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(TestClient.framed([4]), on: stream)
                client.send(TestClient.framed([5]), on: stream, endStream: true)
                let response = try await client.response(stream)
                #expect(response.grpcStatus == "12")
                #expect(response.messages == [])
                #expect(server.server.statistics.callsStarted == 0)
            }
        }
    }

    @Test func noMessageAtAllIsUnimplemented() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"), endStream: true)
                #expect(try await client.response(stream).grpcStatus == "12")
            }
        }
    }

    @Test func aMessageCutOffIsInternal() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(ByteBuffer(bytes: [0, 0, 0, 0, 9, 1, 2]), on: stream, endStream: true)
                #expect(try await client.response(stream).grpcStatus == "13")
            }
        }
    }

    @Test func aFlagThatIsNeitherZeroNorOneIsInternal() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                client.send(TestClient.framed([1], flag: 2), on: stream, endStream: true)
                #expect(try await client.response(stream).grpcStatus == "13")
            }
        }
    }

    @Test func aLengthOverTheLimitIsRefusedByItsPrefixAlone() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/test.Test/Echo"))
                // Claims 1 GiB, and never sends a byte of it.
                client.send(ByteBuffer(bytes: [0, 0x40, 0, 0, 0]), on: stream)
                let response = try await client.response(stream)
                #expect(response.grpcStatus == "8")
                #expect(response.grpcMessage?.contains("16777216") == true)
                #expect(response.grpcMessage?.contains("grpc_server_settings.max_message_size") == true)
                #expect(try await client.call("/test.Test/Echo", [1]).grpcStatus == "0")
                try await eventually("all bytes are given back") { server.budget.reserved == 0 }
            }
        }
    }

    @Test func theLimitItselfIsAllowed() async throws {
        try await TestServer.with(configure: { $0.maxMessageSize = 1_000 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let most = [UInt8](repeating: 1, count: 1_000)
                #expect(try await client.call("/test.Test/Echo", most).messages == [most])
                #expect(try await client.call("/test.Test/Echo", most + [1]).grpcStatus == "8")
            }
        }
    }

    @Test func sixteenMebibytesGoBothWays() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                // Whole blocks are copied: byte by byte a debug build takes seconds.
                var message = [UInt8](0..<251)
                while message.count < 16 << 20 { message += message }
                message.removeLast(message.count - 16 << 20)
                let response = try await client.call("/test.Test/Echo", message)
                #expect(response.grpcStatus == "0")
                // Compared outside the macro, which would print 16 MiB twice.
                let isEcho = response.data == TestClient.framed(message)
                #expect(isEcho)
                try await eventually("all bytes are given back") { server.budget.reserved == 0 }
            }
        }
    }

    // MARK: Compression

    @Test(arguments: [("gzip", 31), ("deflate", 15)] as [(String, Int32)])
    func compressedMessagesAreDecompressed(_ encoding: String, _ windowBits: Int32) async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let message = [UInt8](repeating: 65, count: 100_000)
                let stream = client.open(TestClient.headers("/test.Test/Echo", [("grpc-encoding", encoding)]))
                client.send(TestClient.framed(deflated(message, windowBits), flag: 1), on: stream, endStream: true)
                // Compared outside the macro, which would print both on failure; so with all messages over 10 kB.
                let isSame = try await client.response(stream).messages == [message]
                #expect(isSame)
                // The flag decides for each message.
                #expect(
                    try await client.call("/test.Test/Echo", [1], headers: [("grpc-encoding", encoding)]).messages == [
                        [1]
                    ]
                )
            }
        }
    }

    @Test func unknownEncodingIsUnimplementedAndNamesThoseAccepted() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let response = try await client.call("/test.Test/Echo", [1], headers: [("grpc-encoding", "snappy")])
                #expect(response.grpcStatus == "12")
                #expect(response.headers?.first(name: "grpc-accept-encoding") == "identity,deflate,gzip")
            }
        }
    }

    @Test(arguments: [nil, "identity"])
    func compressedFlagWithoutEncodingIsInternal(_ encoding: String?) async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let more = encoding.map { [("grpc-encoding", $0)] } ?? []
                let stream = client.open(TestClient.headers("/test.Test/Echo", more))
                client.send(TestClient.framed([1, 2, 3], flag: 1), on: stream, endStream: true)
                #expect(try await client.response(stream).grpcStatus == "13")
            }
        }
    }

    @Test func damagedCompressionIsInternal() async throws {
        try await TestServer.with { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let whole = deflated([UInt8](repeating: 65, count: 10_000), 31)
                for bytes in [[1, 2, 3], [], Array(whole.dropLast(9)), whole + [0]] {
                    let stream = client.open(TestClient.headers("/test.Test/Echo", [("grpc-encoding", "gzip")]))
                    client.send(TestClient.framed(bytes, flag: 1), on: stream, endStream: true)
                    #expect(try await client.response(stream).grpcStatus == "13")
                }
            }
        }
    }

    @Test func aGzipBombStopsAtTheLimit() async throws {
        try await TestServer.with(configure: { $0.maxMessageSize = 1 << 20 }) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let bomb = deflated([UInt8](repeating: 0, count: 16 << 20), 31)
                #expect(bomb.count < 1 << 18)
                let stream = client.open(TestClient.headers("/test.Test/Echo", [("grpc-encoding", "gzip")]))
                client.send(TestClient.framed(bomb, flag: 1), on: stream, endStream: true)
                let response = try await client.response(stream)
                #expect(response.grpcStatus == "8")
                #expect(response.grpcMessage?.contains("grpc_server_settings.max_message_size") == true)
                // Exactly the limit is fine.
                let most = [UInt8](repeating: 7, count: 1 << 20)
                let second = client.open(TestClient.headers("/test.Test/Echo", [("grpc-encoding", "gzip")]))
                client.send(TestClient.framed(deflated(most, 31), flag: 1), on: second, endStream: true)
                let isSame = try await client.response(second).messages == [most]
                #expect(isSame)
            }
        }
    }
}

/// `bytes`, compressed by zlib in the format `windowBits` selects.
private func deflated(_ bytes: [UInt8], _ windowBits: Int32) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    precondition(deflateInit2_(&stream, 9, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
    let written = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
            return target.count - Int(stream.avail_out)
        }
    }
    return Array(output.prefix(written))
}
