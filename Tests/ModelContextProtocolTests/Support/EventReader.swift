// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import Values

/// Reads a stream of events while a test does something else.
final class EventReader: Sendable {
    private struct State {
        var values: [Value] = []
        var bytes = 0
        var hasEnded = false
    }

    private let state = Mutex(State())

    /// The JSON of the events so far.
    var values: [Value] { state.withLock { $0.values } }
    /// How many bytes have come.
    var bytes: Int { state.withLock { $0.bytes } }
    /// Whether the stream has ended.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// Opens a session's GET stream.
    static func open(_ server: HTTPTestServer, _ session: String) async throws -> EventReader {
        let response = try await server.open(.GET, headers: ["accept": "text/event-stream"], session: session)
        #expect(response.status == .ok)
        return EventReader(response)
    }

    /// Posts a request whose answer is a stream.
    static func post(_ server: HTTPTestServer, _ session: String, _ body: String) async throws -> EventReader {
        EventReader(try await server.open(.POST, Array(body.utf8), session: session))
    }

    private init(_ response: HTTPClientResponse) {
        // Ends with the stream, at the latest when the server of the test is gone.
        Task {
            var decoder = ServerSentEventDecoder(maxEventSize: 1 << 20)
            while let piece = try? await response.body.next() {
                state.withLock { $0.bytes += piece.readableBytes }
                decoder.feed(piece)
                while let event = try? decoder.next() {
                    guard let value = try? JSONParser.decode(Array(buffer: event.data)) else { continue }
                    state.withLock { $0.values.append(value) }
                }
            }
            state.withLock { $0.hasEnded = true }
        }
    }
}
