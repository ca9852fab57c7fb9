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
        var ids: [String] = []
        var retry: Int?
        var bytes = 0
        var hasEnded = false
    }

    private let state = Mutex(State())

    /// The JSON of the events so far.
    var values: [Value] { state.withLock { $0.values } }
    /// The ids of the events so far, of those without data as well.
    var ids: [String] { state.withLock { $0.ids } }
    /// When the server wants to be asked again, in milliseconds.
    var retry: Int? { state.withLock { $0.retry } }
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

    /// Opens a stream that goes on behind an event.
    static func resume(_ server: HTTPTestServer, _ session: String, after id: String) async throws -> EventReader {
        let response = try await server.open(
            .GET, headers: ["accept": "text/event-stream", "last-event-id": id], session: session)
        try #require(response.status == .ok)
        return EventReader(response)
    }

    /// Breaks the connection.
    func cut() { response.body.cancel() }

    private let response: HTTPClientResponse

    init(_ response: HTTPClientResponse) {
        self.response = response
        // Ends with the stream, at the latest when the server of the test is gone.
        Task {
            var decoder = ServerSentEventDecoder(maxEventSize: 1 << 20)
            while let piece = try? await response.body.next() {
                state.withLock { $0.bytes += piece.readableBytes }
                decoder.feed(piece)
                while let event = try? decoder.next() {
                    state.withLock { state in
                        if let id = event.id { state.ids.append(id) }
                        if let retry = event.retry { state.retry = retry }
                    }
                    guard let value = try? JSONParser.decode(Array(buffer: event.data)) else { continue }
                    state.withLock { $0.values.append(value) }
                }
            }
            state.withLock { $0.hasEnded = true }
        }
    }
}
