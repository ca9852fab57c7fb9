// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import NIOCore
package import NIOPosix
internal import Synchronization

/// A bound and listening address: one socket, or several when a host name has several addresses.
///
/// Opened before anything else starts, so that a server that cannot listen fails with a clear error and a second server
/// on the same address is refused. The sockets are then given to the event loops with `serve`. Whoever opened it calls
/// `close()` at the end, which also removes the file of a Unix socket, if it is still ours.
package final class ListeningSocket: Sendable {
    /// What was asked for.
    package let requested: ListenAddress

    /// What is listened on, with the port the system chose.
    package let addresses: [ListenAddress]

    /// What the operator should know although listening worked, such as a folder that everybody may write to.
    package let warnings: [String]

    private let state: Mutex<State>
    private let unixFile: UnixSocketFile?

    private struct State {
        /// Descriptors no event loop has taken over yet.
        var descriptors: [CInt]
        var closed = false
    }

    init(
        requested: ListenAddress,
        addresses: [ListenAddress],
        descriptors: [CInt],
        warnings: [String] = [],
        unixFile: UnixSocketFile? = nil
    ) {
        self.requested = requested
        self.addresses = addresses
        self.warnings = warnings
        self.unixFile = unixFile
        self.state = Mutex(State(descriptors: descriptors))
    }

    /// The most connections that wait to be accepted.
    package static let defaultBacklog = 1024

    /// Binds and listens.
    ///
    /// - Throws: `SocketError` naming the address and what to do.
    package static func open(
        _ address: ListenAddress,
        backlog: Int = ListeningSocket.defaultBacklog
    ) throws -> ListeningSocket {
        switch address {
        case .tcp(let host, let port):
            return try openTCP(host: host, port: port, backlog: CInt(clamping: backlog))
        case .unix(let settings):
            return try openUnix(settings, backlog: CInt(clamping: backlog))
        }
    }

    /// Hands the sockets to event loops; each becomes a server channel of its own.
    ///
    /// Works once.
    ///
    /// - Parameter makeBootstrap: makes the bootstrap for one server channel.
    /// - Returns: the server channels, which own the descriptors from now on.
    package func serve(_ makeBootstrap: () -> ServerBootstrap) async throws -> [any Channel] {
        let descriptors = state.withLock { state in
            defer { state.descriptors = [] }
            return state.descriptors
        }
        guard !descriptors.isEmpty else {
            throw SocketError(
                code: .invalidAddress,
                message: "\(requested) is closed or already served; open it again"
            )
        }
        var channels: [any Channel] = []
        for (index, descriptor) in descriptors.enumerated() {
            do {
                // On failure the descriptor is the bootstrap's: it closes what it was given.
                channels.append(try await makeBootstrap().withBoundSocket(descriptor).get())
            } catch {
                for rest in descriptors[(index + 1)...] { _ = Glibc.close(rest) }
                for channel in channels { try? await channel.close() }
                throw error
            }
        }
        return channels
    }

    /// Closes what no event loop has taken over and removes the file of a Unix socket, if it is still ours.
    package func close() {
        let descriptors: [CInt]? = state.withLock { state in
            guard !state.closed else { return nil }
            state.closed = true
            defer { state.descriptors = [] }
            return state.descriptors
        }
        guard let descriptors else { return }
        // The file goes first: were the socket closed before, a new server could find the path stale, take it over, and
        // be between its bind and our look at the inode.
        unixFile?.remove()
        for descriptor in descriptors { _ = Glibc.close(descriptor) }
    }

    deinit {
        close()
    }
}
