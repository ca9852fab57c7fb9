// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTP

/// Heads that are read without the general parser mean what they mean to it, and are none that it refuses.
@Suite struct PlainHeadTests {
    private static let request =
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:4444\r\naccept: application/json, text/event-stream\r\n"
        + "content-type: application/json\r\nMCP-Protocol-Version: 2025-06-18\r\n"
        + "mcp-session-id: 0123456789abcdef0123456789abcdef\r\nconnection: keep-alive\r\ncontent-length: 12\r\n\r\n"

    private static let answer =
        "HTTP/1.1 200 OK\r\nmcp-session-id: 0123456789abcdef0123456789abcdef\r\ncontent-type: application/json\r\n"
        + "Connection: Keep-Alive\r\ncontent-length: 12\r\n\r\n"

    /// What may turn an ordinary head into one that two readers could understand in two ways.
    private static let pieces = [
        "\r", "\n", "\r\n", " ", "\t", ":", "\0", "\u{7F}", "é", "\r\n ", ", ", "/", "#", "http://b/", "0", "+1",
        "HTTP/1.0",
        "content-length: 3\r\n", "transfer-encoding: chunked\r\n", "Transfer-Encoding : chunked\r\n",
        "upgrade: h2c\r\n",
        "connection: close\r\n", "connection: keep-alive, close\r\n", "expect: 100-continue\r\n", "host: b\r\n",
        "proxy-connection: close\r\n", "x: \r\n", "x:y\r\n", ": y\r\n", "HEAD", "CONNECT", "PUT", " 204 ", "\r\n\r\n",
    ]

    @Test func ordinaryHeadsAreRead() throws {
        let request = try #require(Self.read(Self.request))
        #expect(request.method == .POST)
        #expect(request.target == "/mcp")
        #expect(request.contentLength == 12)
        #expect(request.end == Self.request.utf8.count)
        #expect(request.headers["mcp-protocol-version"] == ["2025-06-18"])
        let answer = try #require(Self.readAnswer(Self.answer))
        #expect(answer.status == .ok)
        #expect(answer.contentLength == 12)
        #expect(answer.end == Self.answer.utf8.count)
    }

    @Test(
        arguments: [
            ("host: 127.0.0.1:4444", "host: a\r\nhost: b"), ("host: 127.0.0.1:4444\r\n", ""), ("host: ", "host: a b"),
            ("content-length: 12", "content-length: 12\r\ncontent-length: 12"), ("content-length: 12\r\n", ""),
            ("content-length: 12", "content-length: +12"), ("content-length: 12", "content-length: 1234567890"),
            ("content-length: 12", "transfer-encoding: chunked"), ("content-length: 12", "content-length : 12"),
            ("connection: keep-alive", "connection: close"), ("connection: keep-alive", "upgrade: h2c"),
            ("connection: keep-alive", "expect: 100-continue"), ("connection: keep-alive", "proxy-connection: close"),
            ("connection: keep-alive", "x: a\r\n b"), ("connection: keep-alive", "x: a\tb"), (" HTTP/1.1", " HTTP/1.0"),
            ("connection: keep-alive", "x: a "), ("/mcp", "/m cp"), ("/mcp", "http://a/mcp"), ("/mcp", "/a#b"),
            ("POST", "CONNECT"), ("\r\n\r\n", "\r\n"), ("\r\nhost", "\nhost"),
        ])
    func whatIsOutOfTheOrdinaryIsLeftToTheParser(part: String, instead: String) {
        #expect(Self.request.contains(part))
        #expect(Self.read(Self.request.replacing(part, with: instead)) == nil)
    }

    @Test(arguments: [1, 2, UInt64.random(in: 0...UInt64.max)])
    func requestsMeanWhatTheyMeanToTheParser(seed: UInt64) throws {
        var mutator = HeadMutator(seed: seed, pieces: Self.pieces)
        var read = 0
        for round in 0..<3_000 {
            let bytes = mutator.mutated(Array(Self.request.utf8))
            guard let plain = bytes.withUnsafeBufferPointer({ PlainRequestHead($0, maximumFields: 100) }) else {
                continue
            }
            read += 1
            let place = "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))"
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: min(plain.contentLength, 100_000))
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
            try channel.writeInbound(ByteBuffer(bytes: bytes[..<plain.end] + body))
            guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) else {
                Issue.record("the parser reads no head; \(place)")
                continue
            }
            #expect(head.method == plain.method, "\(place)")
            #expect(head.uri == plain.target && head.version == .http1_1, "\(place)")
            #expect(head.isKeepAlive, "\(place)")
            #expect(Array(head.headers).elementsEqual(plain.headers, by: ==), "\(place)")
            let framing = try RequestFraming.read(head, configuration: HTTPServerConfiguration()).get()
            #expect(framing.contentLength ?? 0 == plain.contentLength, "\(place)")
            #expect(!framing.isChunked && !framing.isLast && !framing.expectsContinue, "\(place)")
            if body.count == plain.contentLength {
                try Self.expectBody(body, HTTPServerRequestPart.self, channel, place)
            }
            _ = try? channel.finish()
        }
        // Without some that are read nothing was compared.
        #expect(read > 100)
    }

    @Test(arguments: [1, 2, UInt64.random(in: 0...UInt64.max)])
    func answersMeanWhatTheyMeanToTheParser(seed: UInt64) throws {
        var mutator = HeadMutator(seed: seed, pieces: Self.pieces)
        var read = 0
        for round in 0..<3_000 {
            let bytes = mutator.mutated(Array(Self.answer.utf8))
            guard let plain = bytes.withUnsafeBufferPointer({ PlainAnswerHead($0, maximumFields: 100) }) else {
                continue
            }
            read += 1
            let place = "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))"
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: min(plain.contentLength, 100_000))
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPResponseDecoder()))
            let asked = HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: .POST, uri: "/"))
            channel.write(asked, promise: nil)
            try channel.writeInbound(ByteBuffer(bytes: bytes[..<plain.end] + body))
            guard case .head(let head)? = try channel.readInbound(as: HTTPClientResponsePart.self) else {
                Issue.record("the parser reads no head; \(place)")
                continue
            }
            #expect(head.status == plain.status && head.isKeepAlive, "\(place)")
            #expect(Array(head.headers).elementsEqual(plain.headers, by: ==), "\(place)")
            if body.count == plain.contentLength {
                try Self.expectBody(body, HTTPClientResponsePart.self, channel, place)
            }
            _ = try? channel.finish()
        }
        #expect(read > 100)
    }

    /// The rest of the message is this body and its end.
    private static func expectBody<Head: Equatable>(
        _ body: [UInt8], _ type: HTTPPart<Head, ByteBuffer>.Type, _ channel: EmbeddedChannel, _ place: String
    ) throws {
        var found: [UInt8] = []
        while let part = try channel.readInbound(as: type) {
            guard case .body(let piece) = part else {
                #expect(found == body, "\(place)")
                #expect(try channel.readInbound(as: type) == nil, "\(place)")
                return
            }
            found += piece.readableBytesView
        }
        Issue.record("the parser finds no end; \(place)")
    }

    private static func read(_ text: String) -> PlainRequestHead? {
        Array(text.utf8).withUnsafeBufferPointer { PlainRequestHead($0, maximumFields: 100) }
    }

    private static func readAnswer(_ text: String) -> PlainAnswerHead? {
        Array(text.utf8).withUnsafeBufferPointer { PlainAnswerHead($0, maximumFields: 100) }
    }
}

/// Changes heads a little, by numbers that a seed determines.
private struct HeadMutator: RandomNumberGenerator {
    private var numbers: SeededGenerator
    private let pieces: [[UInt8]]

    init(seed: UInt64, pieces: [String]) {
        numbers = SeededGenerator(seed: seed)
        self.pieces = pieces.map { Array($0.utf8) }
    }

    mutating func next() -> UInt64 { numbers.next() }

    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &self) {
            let position = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes[position] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes[position] ^= 0x20
            case 2: bytes.remove(at: position)
            case 3:
                // Where a field may begin, it means most.
                let piece = pieces.randomElement(using: &self) ?? []
                let lines = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }
                bytes.insert(contentsOf: piece, at: (lines.randomElement(using: &self) ?? position) + 1)
            default: bytes.insert(contentsOf: pieces.randomElement(using: &self) ?? [], at: position)
            }
        }
        return bytes
    }
}
