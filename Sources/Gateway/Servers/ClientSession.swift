// SPDX-License-Identifier: Apache-2.0

import Authentication
import ModelContextProtocol
import Synchronization
import Values

/// One client's session with a virtual server, and the sessions with upstreams that are its own.
///
/// For a client without sessions it lasts for one call, and borrows those with upstreams.
final class ClientSession: ChangeListener {
    private struct State {
        var links: [ObjectIdentifier: ClientLink] = [:]
        var subscriptions: Set<ByteKey> = []
        var logLevel: LogLevel?
        var isEnded = false
    }

    let core: MCPServerSession
    let server: VirtualServer
    let policy: Policy
    /// Whose share of sessions it is part of; nil for nobody's.
    let share: PrincipalIdentity?
    /// What upstreams may ask the client.
    let features: ClientFeatures
    /// Where sessions with upstreams are borrowed; nil for a client that has sessions.
    private let lender: BorrowedLinks?
    /// As whose they are borrowed.
    private var owner: BorrowedLinks.Owner {
        BorrowedLinks.Owner(principal: core.principal?.identity, server: server.id, features: features)
    }
    private let state: Mutex<State>

    init(_ core: MCPServerSession, server: VirtualServer, policy: Policy, share: PrincipalIdentity?) {
        self.core = core
        self.server = server
        self.policy = policy
        self.share = share
        features = ClientFeatures(core.clientCapabilities)
        lender = nil
        state = Mutex(State(logLevel: .info))
    }

    /// What stands for a session while one call of a client without sessions is answered.
    init(of call: MCPServerCall, server: VirtualServer, policy: Policy, borrowing links: BorrowedLinks) {
        core = call.session
        self.server = server
        self.policy = policy
        share = nil
        features = ClientFeatures(call.session.clientCapabilities)
        lender = links
        state = Mutex(State(logLevel: call.envelope?.logLevel.flatMap { LogLevel(rawValue: $0.rawValue) }))
    }

    // MARK: Upstream sessions

    /// The session with an upstream that a call of this client goes over.
    func link(to upstream: Upstream, shared: UpstreamLink) -> UpstreamLink {
        ownLink(to: upstream)?.link ?? shared
    }

    /// The client's own session with an upstream; nil where all clients share one.
    func ownLink(to upstream: Upstream) -> ClientLink? {
        guard upstream.isPerClient else { return nil }
        return state.withLock { state in
            if let link = state.links[ObjectIdentifier(upstream)] { return link }
            guard !state.isEnded else { return nil }
            let link: ClientLink
            if let lender {
                guard let borrowed = lender.take(upstream, for: owner) else { return nil }
                link = borrowed
            } else {
                link = ClientLink(upstream, session: self)
            }
            state.links[ObjectIdentifier(upstream)] = link
            return link
        }
    }

    /// The client's own sessions that there are.
    var ownLinks: [ClientLink] { state.withLock { Array($0.links.values) } }

    /// Gives back what was borrowed: the call has ended.
    func giveBack() {
        let links = state.withLock { state in
            state.isEnded = true
            defer { state.links = [:] }
            return Array(state.links.values)
        }
        guard let lender, !links.isEmpty else { return }
        let owner = owner
        for link in links { lender.giveBack(link, of: owner) }
    }

    /// Ends all that is the client's.
    func end() async {
        let links = state.withLock { state in
            state.isEnded = true
            defer { state.links = [:] }
            return Array(state.links.values)
        }
        await withTaskGroup(of: Void.self) { group in
            for link in links { group.addTask { await link.end() } }
        }
    }

    // MARK: What the client wants to hear

    /// The level from which on the client wants log messages; nil for none.
    var logLevel: LogLevel? {
        get { state.withLock { $0.logLevel } }
        set { state.withLock { $0.logLevel = newValue } }
    }

    /// Notes a subscription, by the URI towards clients; true if it is new.
    func subscribe(_ uri: String) -> Bool { state.withLock { $0.subscriptions.insert(ByteKey(uri)).inserted } }

    /// Forgets a subscription; true if there was one.
    func unsubscribe(_ uri: String) -> Bool { state.withLock { $0.subscriptions.remove(ByteKey(uri)) != nil } }

    /// The client's subscriptions, by the URIs towards clients.
    var subscriptions: [String] { state.withLock { $0.subscriptions.map(\.text) } }

    // MARK: What it is told

    /// A list is other than before.
    func listChanged(_ method: String) {
        guard core.isInitialized else { return }
        core.notify(method, nil)
    }

    /// A resource of an upstream is other than before.
    ///
    /// - Parameter uri: The upstream's URI of it.
    func resourceUpdated(_ uri: String, of upstream: Upstream) {
        let view = server.view
        guard let position = view.upstreams.firstIndex(where: { $0 === upstream }) else { return }
        let exposed = view.resourceNames.exposed(uri, of: position)
        guard state.withLock({ $0.subscriptions.contains(ByteKey(exposed)) }), view.target(uri: exposed) != nil else {
            return
        }
        // The URI alone: whatever else an upstream adds has passed no plugin.
        core.notify(GatewayMethod.resourceUpdated, Document(object: ["uri": .string(exposed)]))
    }
}

/// The levels of MCP's log messages, those of RFC 5424.
enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug, info, notice, warning, error, critical, alert, emergency

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}
