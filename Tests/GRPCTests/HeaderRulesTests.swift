// SPDX-License-Identifier: Apache-2.0

import NIOHPACK
import Sockets
import Testing

@testable import GRPC

@Suite struct HeaderRulesTests {
    private static let request = [(":method", "POST"), (":scheme", "http"), (":path", "/a/b")]

    @Test func ordinaryRequestsAreAllowed() {
        let more = [
            (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc"), ("x", ""),
            ("x-~!#$%&'*+-.^_`|09az", "tab\tand é and \"quotes\""),
        ]
        #expect(HeaderRules.allow(HPACKHeaders(Self.request), asTrailers: false))
        #expect(HeaderRules.allow(HPACKHeaders(Self.request + more), asTrailers: false))
        #expect(HeaderRules.allow([":method": "CONNECT", ":authority": "a"], asTrailers: false))
    }

    @Test(
        arguments: [
            ("", "x"), ("Upper", "x"), ("sp ace", "x"), ("é", "x"), ("a:b", "x"), ("a(b", "x"), ("a@b", "x"),
            ("a[b", "x"), ("a{b", "x"), ("a\u{7F}", "x"), ("x", "a\nb"), ("x", "a\rb"), ("x", "a\u{0}b"),
            ("x", "\u{7F}"), ("x", " a"), ("x", "a "), ("x", "\ta"), ("connection", "close"),
            ("keep-alive", "1"), ("upgrade", "h2c"), ("proxy-connection", "close"), ("transfer-encoding", "chunked"),
            ("te", "gzip"), (":status", "200"), (":unknown", "x"), (":path", "/late"),
        ]
    )
    func malformedHeadersAreNot(_ name: String, _ value: String) {
        #expect(!HeaderRules.allow(HPACKHeaders(Self.request + [(name, value)]), asTrailers: false))
    }

    @Test func pseudoHeadersComeFirstAndOnceAndAllThatAreNeeded() {
        for missing in 0..<3 {
            var headers = Self.request
            headers.remove(at: missing)
            #expect(!HeaderRules.allow(HPACKHeaders(headers), asTrailers: false))
        }
        #expect(!HeaderRules.allow(HPACKHeaders(Self.request + [(":path", "/a/b")]), asTrailers: false))
        #expect(!HeaderRules.allow(HPACKHeaders([("x", "y")] + Self.request), asTrailers: false))
        #expect(!HeaderRules.allow([":method": "POST", ":scheme": "http", ":path": ""], asTrailers: false))
    }

    @Test func trailersHaveNoPseudoHeaders() {
        #expect(HeaderRules.allow(["x-checksum": "1"], asTrailers: true))
        #expect(!HeaderRules.allow([":path": "/a"], asTrailers: true))
        #expect(!HeaderRules.allow(["Upper": "1"], asTrailers: true))
    }

    @Test func aMalformedRequestIsResetAndTheOthersAreServed() async throws {
        // :method POST, :scheme http, and no path.
        let frames = RawConnection.frame(1, flags: 5, stream: 1, [0x83, 0x86])
        try await TestServer.with { server async throws in
            let connection = try await RawConnection.connect(port: server.port)
            let bytes = try await connection.exchange([
                RawConnection.preface + RawConnection.frame(4) + frames,
                RawConnection.frame(7, [0, 0, 0, 0, 0, 0, 0, 0]),
            ])
            let reset = RawConnection.frame(3, stream: 1, [0, 0, 0, 1])
            #expect((0...(bytes.count - reset.count)).contains { bytes[$0...].starts(with: reset) })
            #expect(server.server.statistics.callsStarted == 0)
        }
    }
}
