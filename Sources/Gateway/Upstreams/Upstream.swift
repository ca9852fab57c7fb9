// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import NIOCore
import PluginFramework
import Synchronization
import Values

/// One MCP server behind the gateway: what it offers, how it is, and the sessions with it.
final class Upstream: Sendable {
    /// How it is.
    enum Status: Sendable, Equatable {
        /// Nobody has tried yet.
        case starting
        /// Its lists are known, and a session with it is open.
        case up
        /// It cannot be used; why.
        case down(String)
    }

    private struct State {
        var status = Status.starting
        var toldReasons = ToldReasons()
        var catalog: Catalog?
        /// What waits for the first attempt to have ended.
        var settled = SharedResult<Void, Never>()
        var sessions = 0
        /// What the shared session's server said about its own sessions.
        var keepsState = true
        /// Whether it was found to speak 2026-07-28.
        var isModern = false
        /// The lowest level of log messages that any client who shares the session wants.
        var sharedLevel = LogLevel.info
    }

    let settings: UpstreamSettings
    let limits: GatewayLimits
    let label: NameLabel
    let logger: Logger
    let connector: UpstreamConnector
    /// The scopes that clients need.
    let neededScopes: NeededScopes
    /// How the gateway shows who it is; nil for by headers of the configuration alone.
    private let authorization: UpstreamAuthorization?
    private let state = Mutex(State())
    /// When the gateway began to need it.
    let start = ContinuousClock.now
    /// Asks the supervisor to fetch the lists again.
    let refreshes: RefreshSignal
    /// Who wants to hear of resources, over the shared session.
    let subscriptions = SharedSubscriptions()
    /// The streams by which one that speaks 2026-07-28 tells of changes.
    let changes = UpstreamChanges()
    /// Which era of MCP it was found to speak.
    private let memory = MCPEraMemory()

    init(
        _ settings: UpstreamSettings, among all: [UpstreamSettings], limits: GatewayLimits,
        connector: UpstreamConnector,
        logger: Logger
    ) {
        self.settings = settings
        self.limits = limits
        self.connector = connector
        neededScopes = NeededScopes(settings)
        authorization = UpstreamAuthorization(
            settings, client: connector.clients.tokenClient(of: settings), logger: logger)
        self.logger = logger
        label = NameLabel(prefix: settings.fallbackPrefix, among: all.map(\.fallbackPrefix))
        refreshes = RefreshSignal()
    }

    var name: String { settings.name }
    var status: Status { state.withLock { $0.status } }
    /// What it offers, as far as is known; kept while it is down.
    var catalog: Catalog? { state.withLock { $0.catalog } }
    /// How many sessions with it are open or begin.
    var sessionCount: Int { state.withLock { $0.sessions } }

    /// Whether each client's session needs one of its own with this upstream.
    var isPerClient: Bool {
        switch settings.sessions {
        case .shared: false
        case .perClient: true
        case .auto: state.withLock { $0.keepsState }
        }
    }

    /// Whether it speaks 2026-07-28, as far as is known.
    var isModern: Bool { state.withLock { $0.isModern } }

    /// Waits until the first attempt to fetch the lists has ended, or the time is up.
    func settle(within limit: Duration) async {
        let settled = state.withLock { $0.settled }
        guard settled.result == nil else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await settled.wait() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// The lowest level of log messages that any client who shares the session wants.
    var sharedLevel: LogLevel { state.withLock { $0.sharedLevel } }

    /// Notes the level that a client wants; true if it is lower than what others did.
    func lowerSharedLevel(to level: LogLevel) -> Bool {
        state.withLock { state in
            guard level < state.sharedLevel else { return false }
            state.sharedLevel = level
            return true
        }
    }

    // MARK: Sessions

    /// Begins a session.
    ///
    /// - Parameter home: The event loop of the call that needs it; nil for any.
    func connect(
        handler: any MCPClientHandler, capabilities: ValueObject, home: (any EventLoop)? = nil
    ) async throws(MCPClientError) -> MCPClient {
        try await connector.connect(
            settings, memory: memory, authorization: authorization, capabilities: capabilities, handler: handler,
            limits: limits, logger: logger, home: home)
    }

    /// Takes a place among the sessions that may be open.
    func mayOpen() -> Bool {
        state.withLock { state in
            guard state.sessions < limits.maximumUpstreamSessions else { return false }
            state.sessions += 1
            return true
        }
    }

    /// Gives a place back.
    func hasClosed() {
        state.withLock { $0.sessions -= 1 }
    }

    // MARK: What the supervisor notes

    /// Notes a session of the supervisor's.
    func isConnected(keepsState: Bool, isModern: Bool) {
        state.withLock { ($0.keepsState, $0.isModern) = (keepsState, isModern) }
    }

    /// Notes what it offers.
    ///
    /// - Parameter refresh: Has virtual servers look at it, if anything is different from before.
    func take(_ catalog: Catalog, refresh: () -> Void) {
        let isOther = state.withLock { state in
            defer { state.catalog = catalog }
            return state.catalog != catalog
        }
        // Before it counts as there: who waits for that looks at once for what virtual servers have of it.
        if isOther { refresh() }
        let (wasDown, settled) = state.withLock { state in
            defer {
                state.status = .up
                state.toldReasons = ToldReasons()
            }
            return (state.status != .up, state.settled)
        }
        settled.give(.success(()))
        if wasDown {
            logger.info(
                "MCP server is up",
                metadata: [
                    "server": "\(name)", "tools": "\(catalog.tools.count)", "prompts": "\(catalog.prompts.count)",
                    "resources": "\(catalog.resources.count)", "templates": "\(catalog.templates.count)",
                ])
        }
    }

    /// Notes that it cannot be used.
    func isDown(_ reason: String, retryIn delay: Duration) {
        let (wasKnown, settled) = state.withLock { state -> (Bool, SharedResult<Void, Never>) in
            state.status = .down(reason)
            return (state.toldReasons.note(reason), state.settled)
        }
        settled.give(.success(()))
        logger.log(
            level: wasKnown ? .debug : .error, "MCP server is down",
            metadata: ["server": "\(name)", "reason": "\(reason)", "retry": "\(delay.secondsDescription)"])
    }
}
