// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Sockets

/// The stream that answers a POST: one that the client can go on with, if its session keeps streams, else one for this connection.
struct AnswerStream: Sendable {
    private enum Form {
        case plain(HTTPResponseStream)
        case resumable(EventStreams, UInt64)
    }

    private let form: Form

    /// Makes a stream of a connection whose head is written.
    init(_ connection: HTTPResponseStream, of session: MCPServerSession?, budget: ByteBudget) {
        if let session, let streams = session.streams,
            let number = streams.open(.call, on: connection, budget: budget, primes: session.revision.primesStreams)
        {
            form = .resumable(streams, number)
        } else {
            form = .plain(connection)
        }
    }

    /// Sends a message; false when nobody will ever get it.
    @discardableResult
    func write(_ message: [UInt8]) -> Bool {
        switch form {
        case .resumable(let streams, let number):
            return streams.write(message, to: number)
        case .plain(let connection):
            do throws(HTTPStreamError) {
                try connection.writeNow(EventStream.event(message))
                return true
            } catch {
                // The client is gone, or leaves too much unread, which has ended its stream.
                return false
            }
        }
    }

    /// Ends the stream.
    ///
    /// - Parameter isAnswered: whether there was a response; without one there is nothing that a client could come back for.
    func finish(isAnswered: Bool) {
        switch form {
        case .resumable(let streams, let number): streams.finish(number, keeps: isAnswered)
        case .plain(let connection): connection.finish()
        }
    }
}
