// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Watching

/// The health of the services of a process, as `grpc.health.v1.Health` tells it.
///
/// The service "" stands for the server as a whole. Names are compared byte by byte.
package final class HealthRegistry: Sendable {
    /// The health of a service; raw values as in the protocol.
    package enum Status: UInt64, Sendable {
        case unknown = 0
        case serving = 1
        case notServing = 2
        /// Only ever sent to watchers of a service that is not known.
        case serviceUnknown = 3
    }

    private struct State {
        var statuses: [[UInt8]: Status] = [:]
        var watchers: [[UInt8]: Watchers<Status>] = [:]
        var isShutDown = false
    }

    private let state = Mutex(State())

    /// A registry that knows no service.
    package init() {}

    /// Sets the health of a service and tells its watchers.
    ///
    /// After `shutDown` every service stays not serving.
    package func set(_ service: String, _ status: Status) {
        let name = Array(service.utf8)
        state.withLock { state in
            let status = state.isShutDown ? .notServing : status
            let old = state.statuses.updateValue(status, forKey: name)
            guard old != status else { return }
            state.watchers[name]?.tell(status)
        }
    }

    /// The health of a service, or nil when it is not known.
    package func status(of service: String) -> Status? {
        state.withLock { $0.statuses[Array(service.utf8)] }
    }

    /// Turns every service not serving for good and, when they have been told, ends all watches, which would otherwise
    /// hold up the draining of their connections.
    package func shutDown() {
        state.withLock { state in
            state.isShutDown = true
            for name in state.statuses.keys { state.statuses[name] = .notServing }
            for name in state.watchers.keys {
                if state.statuses[name] != nil { state.watchers[name]?.tell(.notServing) }
                state.watchers[name]?.finish()
            }
            state.watchers = [:]
        }
    }

    /// How many names are kept for those who watch them.
    var watchedNames: Int { state.withLock { $0.watchers.count } }

    /// All services and their health, or nil when there are more than `limit`.
    func all(limit: Int) -> [(name: [UInt8], status: Status)]? {
        state.withLock { state in
            guard state.statuses.count <= limit else { return nil }
            return state.statuses.map { ($0.key, $0.value) }
        }
    }

    /// The health of a service now and, each time it changes, then; a slow watcher gets the latest only.
    func watch(_ service: String) -> AsyncStream<Status> {
        let name = Array(service.utf8)
        return state.withLock { state in
            // Anybody may ask for any name: none is kept longer than its watchers.
            for name in state.watchers.keys {
                state.watchers[name]?.forgetEnded()
                if state.watchers[name]?.isEmpty == true { state.watchers[name] = nil }
            }
            let status = state.statuses[name] ?? .serviceUnknown
            guard !state.isShutDown else {
                var nobody = Watchers<Status>()
                nobody.finish()
                return nobody.add(status)
            }
            return state.watchers[name, default: Watchers()].add(status)
        }
    }
}
