// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import PluginFramework
import Synchronization
import Values

/// A session with an upstream that belongs to one client: what comes over it can only be for that client.
///
/// Clients without sessions borrow one from ``BorrowedLinks``.
final class ClientLink: Sendable {
    let upstream: Upstream
    /// The client's session; nil for who borrows.
    private let session: WeakSession?
    /// The calls that are under way on it, in the order in which they began.
    private let calls: Mutex<[CallRelay]>
    private let opened: Mutex<UpstreamLink?>
    /// What keeps the session open while the client is subscribed to something.
    let watcher = Mutex(Watcher())

    struct Watcher {
        var task: Task<Void, Never>?
        var isEnded = false
    }
    /// The level of log messages that was asked for, and of which session.
    private let level = Mutex<(client: ObjectIdentifier, level: LogLevel)?>(nil)

    /// Makes the link of a client's session.
    convenience init(_ upstream: Upstream, session: ClientSession) {
        self.init(upstream, WeakSession(session), session.features)
    }

    /// Makes a link that clients without sessions borrow.
    convenience init(_ upstream: Upstream, features: ClientFeatures) {
        self.init(upstream, nil, features)
    }

    private init(_ upstream: Upstream, _ session: WeakSession?, _ features: ClientFeatures) {
        self.upstream = upstream
        self.session = session
        calls = Mutex([])
        opened = Mutex(nil)
        let link = UpstreamLink(
            upstream, handler: ClientLinkHandler(link: WeakLink(self)), capabilities: features.capabilities,
            onOpen: { [weak self] client in await self?.restore(client) })
        opened.withLock { $0 = link }
    }

    /// The session itself.
    var link: UpstreamLink {
        guard let link = opened.withLock({ $0 }) else { preconditionFailure("a link is made with its session") }
        return link
    }

    /// Ends the session, and begins no more.
    func end() async {
        let task = watcher.withLock { watcher in
            watcher.isEnded = true
            return watcher.task.take()
        }
        task?.cancel()
        await link.end()
        await task?.value
    }

    /// Brings a new session to where the one before it was.
    private func restore(_ client: MCPClient) async {
        guard let session = session?.value, !client.isModern else { return }
        let options = MCPRequestOptions(timeout: upstream.settings.connectTimeout)
        if let level = session.logLevel, level != .info { await upstream.setLevel(level, client) }
        let view = session.server.view
        for uri in session.subscriptions {
            guard let target = view.target(uri: uri), target.upstream === upstream else { continue }
            _ = try? await client.request(
                GatewayMethod.subscribe, Document(object: ["uri": .string(target.original)]), options: options)
        }
    }

    /// Has a borrowed session tell log messages from a level on, if it was not yet asked for them.
    func lowerLevel(to wanted: LogLevel?, _ client: MCPClient) async {
        guard session == nil, let wanted else { return }
        let isNew = level.withLock { level in
            if let level, level.client == ObjectIdentifier(client), level.level <= wanted { return false }
            level = (ObjectIdentifier(client), wanted)
            return true
        }
        if isNew { await upstream.setLevel(wanted, client) }
    }

    // MARK: Calls under way

    /// Notes a call.
    func begin(_ call: CallRelay) { calls.withLock { $0.append(call) } }

    /// Forgets a call.
    func finish(_ call: CallRelay) { calls.withLock { $0.removeAll { $0 === call } } }

    /// The call that something an upstream says of its own accord belongs to: the one under way; nil when there are none or several.
    var onlyCall: CallRelay? { calls.withLock { $0.count == 1 ? $0.first : nil } }

    /// The call that a request of the upstream is asked on.
    ///
    /// All calls are of one client, so that any of them reaches the one who is meant.
    var latestCall: CallRelay? { calls.withLock { $0.last } }

    var client: ClientSession? { session?.value }
}

/// A session that is not kept by who refers to it.
private final class WeakSession: Sendable {
    private weak let session: ClientSession?

    init(_ session: ClientSession) { self.session = session }

    var value: ClientSession? { session }
}

/// A link that is not kept by who refers to it.
final class WeakLink: Sendable {
    private weak let link: ClientLink?

    init(_ link: ClientLink) { self.link = link }

    var value: ClientLink? { link }
}

/// What becomes of messages that an upstream sends of its own accord on a client's own session.
struct ClientLinkHandler: MCPClientHandler {
    let link: WeakLink

    func notification(_ method: String, _ params: Document?) async {
        guard let link = link.value else { return }
        let session = link.client
        switch method {
        case ListKind.tools.changed, ListKind.prompts.changed, ListKind.resources.changed:
            link.upstream.refreshes.send()
        case GatewayMethod.resourceUpdated:
            if let uri = params?["uri"]?.stringValue { session?.resourceUpdated(uri, of: link.upstream) }
        case GatewayMethod.elicitationComplete: session?.elicitationCompleted(params)
        case GatewayMethod.message:
            if let call = link.onlyCall {
                call.take(method, params)
            } else if let session, !session.policy.listensToResults {
                // No plugin would have seen it, whichever call it came from.
                session.relayMessage(params)
            }
        default:
            link.upstream.logger.debug(
                "Message that belongs to no call, dropped",
                metadata: ["server": "\(link.upstream.name)", "method": "\(method)"])
        }
    }

    func request(_ method: String, _ params: Document?) async throws(JSONRPCError) -> Document {
        guard let call = link.value?.latestCall else {
            throw JSONRPCError.internalError("no call of the client is under way, on which it could be asked")
        }
        return try await call.ask(method, params)
    }
}

extension ClientSession {
    /// Hands on a log message, if its level is wanted.
    func relayMessage(_ params: Document?) {
        guard wants(params) else { return }
        core.notify(GatewayMethod.message, params)
    }

    /// Tells the client that what it was sent to a URL for is done.
    func elicitationCompleted(_ params: Document?) {
        guard ClientAbilities(capabilities: core.clientCapabilities).opensURLs,
            let id = params?["elicitationId"]?.stringValue
        else { return }
        // The id alone, which the client knows: whatever else an upstream adds has passed no plugin.
        core.notify(GatewayMethod.elicitationComplete, Document(object: ["elicitationId": .string(id)]))
    }

    /// Whether the client wants to see a log message.
    func wants(_ message: Document?) -> Bool {
        guard let wanted = logLevel, let level = message?["level"]?.stringValue.flatMap({ LogLevel(rawValue: $0) })
        else {
            return false
        }
        return level >= wanted
    }
}
