// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

/// The stream that our client holds open for what belongs to no request.
@Suite struct ClientStreamTests {
    /// The GETs that a server has seen.
    private final class Noted: Sendable {
        private let state = Mutex<[(time: NIODeadline, lastEvent: String?)]>([])

        var gets: [(time: NIODeadline, lastEvent: String?)] { state.withLock { $0 } }

        func note(_ request: HTTPServerRequest) -> Int {
            state.withLock { state in
                state.append((.now(), request.headers.first(name: "last-event-id")))
                return state.count
            }
        }
    }

    /// Serves GETs as a test says, and the rest as a good server does; ends once that many have come.
    private func serve(
        until count: Int, _ get: @escaping @Sendable (HTTPExchange, Int) -> Void
    ) async throws -> Noted {
        let noted = Noted()
        try await RawMCPServer.with { request, message, exchange in
            if request.method == .GET {
                get(exchange, noted.note(request))
            } else if !RawMCPServer.answersLifecycle(request, message, exchange) {
                RawMCPServer.json(exchange, #"{"jsonrpc":"2.0","id":\#(message["id"] ?? nil),"result":{}}"#)
            }
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http, opensStream: true)
            try await eventually("the client asks for its stream") { noted.gets.count >= count }
            // The session is in use whatever becomes of the stream.
            _ = try await client.request("echo")
            await client.close()
        }
        return noted
    }

    @Test(arguments: [true, false])
    func aStreamThatDoesNotLastIsOpenedAgainAfterGrowingPauses(_ isAnswered: Bool) async throws {
        let noted = try await serve(until: 6) { exchange, number in
            if isAnswered || number == 1 {
                RawMCPServer.events(exchange, "retry: 10\nid: e\(number)\ndata: \n\n")
            } else {
                exchange.send(HTTPServerResponse(status: .serviceUnavailable))
            }
        }
        let gets = noted.gets
        for (position, (earlier, later)) in zip(gets, gets.dropFirst()).enumerated() {
            // 20 ms, and twice as long each time; the clocks of two threads may differ by one.
            let pause = later.time - earlier.time
            #expect(pause >= .milliseconds(10 << Int64(position + 1)) - .milliseconds(2), "\(position): \(pause)")
        }
        let last = isAnswered ? ["e1", "e2", "e3", "e4", "e5"] : Array(repeating: "e1", count: 5)
        #expect(gets.prefix(6).map(\.lastEvent) == [nil] + last, "it goes on where it was")
    }

    @Test func theLossOfTheSessionIsNoticedOnTheStream() async throws {
        let noted = Noted()
        try await RawMCPServer.with { request, message, exchange in
            if request.method == .GET {
                if noted.note(request) == 1 {
                    RawMCPServer.events(exchange, "retry: 10\ndata: \n\n")
                } else {
                    exchange.send(HTTPServerResponse(status: .notFound))
                }
            } else {
                _ = RawMCPServer.answersLifecycle(request, message, exchange)
            }
        } _: { url, http in
            let client = try await RawMCPServer.connect(url, http, opensStream: true)
            #expect(await client.waitForEnd()?.contains("404") == true)
            await client.close()
        }
    }
}
