// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import PluginFramework
import Synchronization
import Values

/// One virtual server: some of what the upstreams offer, at an endpoint of its own.
final class VirtualServer: Sendable {
    private struct State {
        var view: ServerView
        var sessions: [ObjectIdentifier: ClientSession] = [:]
        /// Streams of notifications to clients without sessions.
        var streams: [ObjectIdentifier: any ChangeListener] = [:]
    }

    let settings: VirtualServerSettings
    /// What plugins and clients know it by; nil for the one that has everything.
    let id: String?
    let upstreams: [Upstream]
    private let state: Mutex<State>
    private let logger: Logger

    /// - Parameter all: The upstreams of the gateway, in configured order.
    init(_ settings: VirtualServerSettings, id: String?, among all: [Upstream], logger: Logger) {
        self.settings = settings
        self.id = id
        self.logger = logger
        upstreams =
            settings.upstreams.isEmpty
            ? all : all.filter { upstream in settings.upstreams.contains { $0.hasSameBytes(as: upstream.name) } }
        state = Mutex(State(view: ServerView(settings, upstreams)))
    }

    /// What it offers now.
    var view: ServerView { state.withLock { $0.view } }

    /// How many clients it has.
    var sessionCount: Int { state.withLock { $0.sessions.count } }

    /// Waits until every upstream has been tried once, but not when the gateway has run for longer than this: who is late is listed
    /// later, and holds up nobody.
    func settle(within limit: Duration) async {
        let now = ContinuousClock.now
        let waiting = upstreams.filter { $0.status == .starting && $0.start + limit > now }
        guard !waiting.isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            for upstream in waiting { group.addTask { await upstream.settle(within: upstream.start + limit - now) } }
        }
    }

    // MARK: Changes

    /// Takes over what upstreams offer now, and tells clients which lists are other than before, once each.
    func refresh() {
        let (old, new, listeners) = state.withLock { state -> (ServerView, ServerView, [any ChangeListener]) in
            let old = state.view
            state.view = ServerView(settings, upstreams)
            return (old, state.view, Array(state.sessions.values) + Array(state.streams.values))
        }
        report(new.tools.dropped, "tool")
        report(new.prompts.dropped, "prompt")
        var changed: [String] = []
        for kind in ListKind.allCases where !changed.contains(kind.changed) && new.differs(from: old, in: kind) {
            changed.append(kind.changed)
        }
        for listener in listeners {
            for method in changed { listener.listChanged(method) }
        }
    }

    private func report(_ dropped: [NameTable.Entry], _ kind: String) {
        for entry in dropped {
            logger.warning(
                "Left out: another has the same name",
                metadata: [
                    "kind": "\(kind)", "name": "\(entry.exposed)", "server": "\(upstreams[entry.upstream].name)",
                ])
        }
    }

    // MARK: Clients

    /// Notes a client's session.
    func add(_ session: ClientSession) {
        state.withLock { $0.sessions[ObjectIdentifier(session)] = session }
    }

    /// Forgets a client's session.
    func remove(_ session: ClientSession) {
        state.withLock { _ = $0.sessions.removeValue(forKey: ObjectIdentifier(session)) }
    }

    /// Notes a stream of notifications.
    func add(stream: any ChangeListener) {
        state.withLock { $0.streams[ObjectIdentifier(stream)] = stream }
    }

    /// Forgets a stream of notifications.
    func remove(stream: any ChangeListener) {
        state.withLock { _ = $0.streams.removeValue(forKey: ObjectIdentifier(stream)) }
    }
}
