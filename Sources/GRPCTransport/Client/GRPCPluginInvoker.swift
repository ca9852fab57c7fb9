// SPDX-License-Identifier: Apache-2.0

package import GRPC
import Logging
import NIOCore
package import PluginFramework
import PluginWire
import Synchronization
import Values

/// Runs one external plugin on a plugin server, ours or ContextForge's.
///
/// Before it is used it is started: it connects and asks the server for the plugin's configuration. A server that is down then, or
/// does not have the plugin, is asked again and again; until it answers, every call ends with an error that says so.
package final class GRPCPluginInvoker: PluginInvoker {
    private enum Phase: Sendable {
        case idle
        /// Why the plugin cannot be called, and since when.
        case down(reason: String, since: WallTime)
        case ready(Admitted)
        case shutDown
    }

    /// A plugin that its server has described.
    struct Admitted: Sendable {
        /// The entry, merged with what the server says.
        let entry: PluginEntry
        /// What the server says.
        let description: Value
        /// The plugin's name as the server spells it: ContextForge's runs hooks under that name alone.
        let name: String
    }

    private struct State {
        var phase = Phase.idle
        var follower: Task<Void, Never>?
        var watchers: [Int: AsyncStream<PluginEntry>.Continuation] = [:]
        var nextWatcher = 0
        /// Those who wait for the first answer or failure.
        var starters: [CheckedContinuation<Void, Never>] = []
        /// There was an answer or a failure, or nobody waits for one any more.
        var isDecided = false
        var wasLoaded = false
        /// The connection that the description came over, as the channel counts them.
        var generation: UInt64 = 0
    }

    /// The entry as it is configured here.
    package let local: PluginEntry
    let channel: PluginChannel
    let callTimeout: Duration
    let logger: Logger
    private let state = Mutex(State())
    private let healthWatch: PluginHealthWatch?
    private let release: @Sendable () async -> Void

    init(
        entry: PluginEntry, channel: PluginChannel, callTimeout: Duration, healthCheckInterval: Duration?,
        logger: Logger, release: @escaping @Sendable () async -> Void
    ) {
        var watchLogger = logger
        watchLogger[metadataKey: "plugin"] = "\(entry.name)"
        watchLogger[metadataKey: "target"] = "\(channel.channel.target)"
        healthWatch = healthCheckInterval.map { PluginHealthWatch(every: $0, logger: watchLogger) }
        local = entry
        self.channel = channel
        self.callTimeout = entry.timeout ?? callTimeout
        self.logger = logger
        self.release = release
    }

    deinit {
        state.withLock { $0.follower?.cancel() }
    }

    /// Where the plugin runs, as operators write it.
    package var target: String { "\(channel.channel.target)" }

    /// How the way there is.
    package var channelStatus: GRPCChannelStatus { channel.channel.status }

    // MARK: Starting

    /// Connects, and returns when the plugin can be called or it is known that it cannot yet be; after `patience` in any case.
    ///
    /// A plugin that is down is admitted as soon as it answers.
    package func start(patience: Duration = .seconds(2)) async {
        let isFirst = state.withLock { state in
            guard case .idle = state.phase else { return false }
            state.phase = .down(reason: "connecting has just begun", since: .now)
            // Ends with `shutDown`, or with the invoker.
            state.follower = Task { [weak self, channel] in
                for await status in channel.channel.statusUpdates() {
                    guard let self, !Task.isCancelled else { return }
                    await self.follow(status)
                }
            }
            return true
        }
        guard isFirst else { return }
        channel.channel.connect()
        healthWatch?.start { [weak self] in await self?.ask() }
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

    /// Takes no more calls, and lets go of the channel.
    package func shutDown() async {
        let (follower, watchers) = state.withLock { state in
            let follower = state.follower
            state.follower = nil
            if case .shutDown = state.phase {
                return (nil as Task<Void, Never>?, nil as [AsyncStream<PluginEntry>.Continuation]?)
            }
            state.phase = .shutDown
            defer { state.watchers = [:] }
            return (follower, Array(state.watchers.values))
        }
        guard let watchers else { return }
        follower?.cancel()
        healthWatch?.stop()
        for watcher in watchers { watcher.finish() }
        releaseStarters()
        await release()
    }

    // MARK: Following the server

    private func follow(_ status: GRPCChannelStatus) async {
        switch status.connectivity {
        case .idle, .connecting, .shutDown:
            break
        case .transientFailure:
            // A plugin that was admitted stays so: the channel says what is wrong with it.
            suspend("the server at \(target) cannot be reached: \(status.failure ?? "no connection")")
        case .ready:
            // A server that was connected to anew may have another configuration.
            guard state.withLock({ $0.generation }) != status.generation else { return }
            await fetch(status.generation)
        }
    }

    /// Asks for the plugin's configuration until the server gives it, or is gone.
    private func fetch(_ generation: UInt64) async {
        var delay = Duration.milliseconds(100)
        while !Task.isCancelled {
            switch await describeRemotely(local.name, timeout: .seconds(5)) {
            case .success(let description?):
                admit(description, generation)
                return
            case .success(nil):
                dismiss(
                    "the server at \(target) has no plugin named '\(local.name)'; add it there, or correct the name")
            case .failure(let error):
                suspend("the server at \(target) did not describe the plugin: \(error)")
            }
            // Its follower takes the next status from the channel when there is another.
            guard channel.channel.status.connectivity == .ready else { return }
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(1))
        }
    }

    private func admit(_ description: Value, _ generation: UInt64) {
        let name = description["name"]?.stringValue ?? local.name
        let admitted = Admitted(entry: local.merged(with: description), description: description, name: name)
        let (wasDown, isFirst, watchers) = state.withLock { state in
            let before = state.phase
            if case .shutDown = before { return (false, false, [AsyncStream<PluginEntry>.Continuation]()) }
            state.phase = .ready(admitted)
            state.generation = generation
            let isFirst = !state.wasLoaded
            state.wasLoaded = true
            guard case .ready(let old) = before else { return (true, isFirst, Array(state.watchers.values)) }
            return (false, false, old.entry == admitted.entry ? [] : Array(state.watchers.values))
        }
        if wasDown {
            // The lines that ContextForge's users look for.
            logger.info("Connected to gRPC plugin server at \(target)", metadata: ["plugin": "\(local.name)"])
            if isFirst { logger.info("Loaded external plugin '\(local.name)' via gRPC transport") }
        }
        for watcher in watchers { watcher.yield(admitted.entry) }
        releaseStarters()
    }

    /// The plugin cannot be called, if it could not be before.
    private func suspend(_ reason: String) {
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

    /// Asks the server how the plugin is; nil while it is known that it cannot be called.
    private func ask() async -> Bool? {
        guard let admitted, channelStatus.isServing else { return nil }
        return await channel.channel.isServing(admitted.name, timeout: Self.healthTimeout)
    }

    private static let healthTimeout = Duration.seconds(5)

    /// What the server said of the plugin's health when it was last asked; true until it was.
    var isHealthy: Bool { healthWatch?.isServing ?? true }

    // MARK: Looking

    /// The entry: merged with what the server says as soon as it is known, else as it is configured here.
    package var entry: PluginEntry { admitted?.entry ?? local }

    /// What the server said of the plugin; nil before it did.
    var admitted: Admitted? {
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

    /// The merged entry, once it is known and whenever it changes: for those who put pipelines together.
    package func entryUpdates() -> AsyncStream<PluginEntry> {
        let (stream, continuation) = AsyncStream.makeStream(of: PluginEntry.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> Int? in
            if case .shutDown = state.phase { return nil }
            if case .ready(let admitted) = state.phase { continuation.yield(admitted.entry) }
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = continuation
            return state.nextWatcher
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in _ = state.watchers.removeValue(forKey: number) }
        }
        return stream
    }
}
