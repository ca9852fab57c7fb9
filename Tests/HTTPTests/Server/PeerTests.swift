// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Sockets
import Synchronization
import Testing

/// Answers with who asks.
private struct PeerResponder: HTTPResponder {
    func respond(to request: HTTPServerRequest, on exchange: HTTPExchange) {
        exchange.send(.text(.ok, "\(request.peer)"))
    }
}

@Suite struct PeerTests {
    @Test func aPeerAtAUnixSocketIsKnownByItsProcess() async throws {
        let path = "/tmp/gatehouse-http-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
        let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: path)))
        try await TestServer.with(PeerResponder(), listeners: [listener]) { server in
            try await withClient { client in
                let origin = HTTPOrigin(unixSocket: path)
                let response = try await client.execute(
                    HTTPClientRequest(address: HTTPAddress(origin: origin, target: "/")), deadline: soon)
                let body = try await response.collect(upTo: 1_000)
                #expect(String(buffer: body) == "unix(pid \(getpid()), uid \(getuid()))\n")
            }
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func aPeerAtAPortIsKnownByItsAddress() async throws {
        try await TestServer.with(PeerResponder()) { server in
            try await withClient { client in
                let response = try await client.execute(HTTPClientRequest(address: server.address()), deadline: soon)
                #expect(String(buffer: try await response.collect(upTo: 1_000)).hasPrefix("127.0.0.1:"))
            }
        }
    }
}
