// SPDX-License-Identifier: Apache-2.0

package import Logging
import Synchronization
package import Values
import Watching

/// Whether an external plugin can be called, what its server says of it, and who wants to know: what is the same for the client
/// halves of all transports.
package final class PluginAdmission: Sendable {
    /// A plugin that its server has described.
    ///
    /// A class, because each call looks at it: an entry has many parts, and to copy them all is to count each.
    package final class Admitted: Sendable {
        /// The entry, merged with what the server says.
        package let entry: PluginEntry
        /// What the server says.
        package let description: Value
        /// The plugin's name as the server spells it: ContextForge's runs hooks under that name alone.
        package let name: String

        fileprivate init(entry: PluginEntry, description: Value, name: String) {
            self.entry = entry
            self.description = description
            self.name = name
        }
    }

    private enum Phase: Sendable {
        case idle
        /// Why the plugin cannot be called, and since when.
        case down(reason: String, since: WallTime)
        case ready(Admitted)
        case shutDown
    }

    private struct State {
        var phase = Phase.idle
        var follower: Task<Void, Never>?
        var watchers = Watchers<PluginEntry>()
        /// Those who wait for the first answer or failure.
        var starters: [CheckedContinuation<Void, Never>] = []
        /// There was an answer or a failure, or nobody waits for one any more.
        var isDecided = false
        var wasLoaded = false
        /// The connection that the description came over, as the client half counts them.
        var generation: UInt64 = 0
    }

    /// The entry as it is configured here.
    package let local: PluginEntry
    /// Where the plugin runs, as operators write it.
    package let target: String
    private let transport: String
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes the state of a plugin that was not started.
    ///
    /// - Parameters:
    ///   - transport: What log lines call the transport: `gRPC`.
    package init(entry: PluginEntry, target: String, transport: String, logger: Logger) {
        local = entry
        self.target = target
        self.transport = transport
        self.logger = logger
    }

    deinit {
        state.withLock { $0.follower?.cancel() }
    }

    // MARK: Starting and ending

    /// Begins to follow the server, and returns when the plugin can be called or it is known that it cannot yet be; after `patience`
    /// in any case.
    ///
    /// Works once; later calls return at once.
    ///
    /// - Parameter follow: What follows the server until its task is cancelled; it must not keep the owner of this state alive.
    package func start(patience: Duration, following follow: @escaping @Sendable () async -> Void) async {
        let isFirst = state.withLock { state in
            guard case .idle = state.phase else { return false }
            state.phase = .down(reason: "connecting has just begun", since: .now)
            // Ends with `shutDown`, or with this state.
            state.follower = Task { await follow() }
            return true
        }
        guard isFirst else { return }
        let limit = Task {
            try await Task.sleep(for: patience)
            self.releaseStarters()
        }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isDecided = state.withLock { state in
                if !state.isDecided { state.starters.append(continuation) }
                return state.isDecided
            }
            if isDecided { continuation.resume() }
        }
        limit.cancel()
        if let (reason, since) = downReason {
            logger.warning(
                "External plugin cannot be called yet; it will be when its server answers",
                metadata: [
                    "plugin": "\(local.name)", "target": "\(target)", "reason": "\(reason)", "since": "\(since)",
                ])
        }
    }

    private func releaseStarters() {
        let starters = state.withLock { state in
            state.isDecided = true
            defer { state.starters = [] }
            return state.starters
        }
        for starter in starters { starter.resume() }
    }

    /// Ends it for good; false if that was done before.
    package func shutDown() -> Bool {
        let (follower, isFirst) = state.withLock { state in
            let follower = state.follower.take()
            if case .shutDown = state.phase { return (nil as Task<Void, Never>?, false) }
            state.phase = .shutDown
            state.watchers.finish()
            return (follower, true)
        }
        guard isFirst else { return false }
        follower?.cancel()
        releaseStarters()
        return true
    }

    // MARK: Following the server

    /// Asks for the plugin's configuration over a new connection until the server gives it, or is gone.
    ///
    /// - Parameters:
    ///   - generation: Counts connections: a server that was connected to anew may have another configuration; one that was asked
    ///     over this connection is not asked again.
    ///   - isConnected: Whether asking again makes sense.
    ///   - describe: Asks the server; nil when it has no such plugin.
    package func fetch(
        _ generation: UInt64, while isConnected: () -> Bool, describe: () async -> Result<Value?, any Error>
    ) async {
        guard state.withLock({ $0.generation }) != generation else { return }
        var delay = Duration.milliseconds(100)
        while !Task.isCancelled {
            switch await describe() {
            case .success(let description?):
                admit(description, generation)
                return
            case .success(nil):
                dismiss(
                    "the server at \(target) has no plugin named '\(local.name)'; add it there, or correct the name")
            case .failure(let error):
                suspend("the server at \(target) did not describe the plugin: \(error)")
            }
            // Its follower hears of another connection when there is one.
            guard isConnected() else { return }
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(1))
        }
    }

    private func admit(_ description: Value, _ generation: UInt64) {
        let name = description["name"]?.stringValue ?? local.name
        let admitted = Admitted(entry: local.merged(with: description), description: description, name: name)
        let (wasDown, isFirst) = state.withLock { state in
            let before = state.phase
            if case .shutDown = before { return (false, false) }
            state.phase = .ready(admitted)
            state.generation = generation
            let isFirst = !state.wasLoaded
            state.wasLoaded = true
            guard case .ready(let old) = before else {
                state.watchers.tell(admitted.entry)
                return (true, isFirst)
            }
            if old.entry != admitted.entry { state.watchers.tell(admitted.entry) }
            return (false, false)
        }
        if wasDown {
            // The lines that ContextForge's users look for.
            logger.info("Connected to \(transport) plugin server at \(target)", metadata: ["plugin": "\(local.name)"])
            if isFirst { logger.info("Loaded external plugin '\(local.name)' via \(transport) transport") }
        }
        releaseStarters()
    }

    /// The server cannot be reached: the plugin cannot be called, if it could not be before.
    ///
    /// One that was admitted stays so: its connections say what is wrong with it.
    package func suspend(_ reason: String) {
        state.withLock { state in
            // It has been down for as long as before, for a reason that may be another.
            if case .down(_, let since) = state.phase { state.phase = .down(reason: reason, since: since) }
        }
        releaseStarters()
    }

    /// The server has no such plugin, or no more.
    private func dismiss(_ reason: String) {
        let wasReady = state.withLock { state in
            switch state.phase {
            case .ready:
                state.phase = .down(reason: reason, since: .now)
                return true
            case .down(_, let since):
                state.phase = .down(reason: reason, since: since)
                return false
            case .idle, .shutDown:
                return false
            }
        }
        if wasReady {
            logger.warning("External plugin is gone", metadata: ["plugin": "\(local.name)", "reason": "\(reason)"])
        }
        releaseStarters()
    }

    // MARK: Looking

    /// What the server said of the plugin; nil before it did.
    package var admitted: Admitted? {
        state.withLock { state in
            guard case .ready(let admitted) = state.phase else { return nil }
            return admitted
        }
    }

    /// Why the plugin cannot be called, and since when; nil when it can be.
    package var downReason: (reason: String, since: WallTime)? {
        state.withLock { state in
            switch state.phase {
            case .idle: ("it was not started", .now)
            case .down(let reason, let since): (reason, since)
            case .shutDown: ("it was shut down", .now)
            case .ready: nil
            }
        }
    }

    /// What a call ends with that finds the plugin down.
    package var downError: PluginError {
        let (reason, since) = downReason ?? ("it has just come up", .now)
        return PluginError(
            "plugin '\(local.name)' cannot be called since \(since): \(reason)", pluginName: local.name,
            code: PluginError.Code.unavailable, details: ["target": .string(target)])
    }

    /// The merged entry, once it is known and whenever it changes.
    package func entryUpdates() -> AsyncStream<PluginEntry> {
        state.withLock { state in
            guard case .ready(let admitted) = state.phase else { return state.watchers.add(nil) }
            return state.watchers.add(admitted.entry)
        }
    }
}
