// SPDX-License-Identifier: Apache-2.0

import Authentication
import NIOCore
import PluginFramework
import ServiceLifecycle
import Values

/// What the gateway keeps for clients that have no sessions (revision 2026-07-28): the seal of what they bring back, the calls that
/// wait for them, and sessions with upstreams that they borrow.
///
/// To be run while clients are served, and shut down after them.
final class StatelessClients: Service {
    /// How often sessions that nobody uses are looked for.
    private static let sweepInterval = Duration.seconds(10)

    let seal: RequestStateSeal
    let held: HeldCalls
    let links = BorrowedLinks()
    /// How long a client has for its answers.
    let lifetime: Duration

    init(_ settings: GatewaySettings, eventLoop: any EventLoop) {
        lifetime = settings.requestState.lifetime
        let key = settings.requestState.key.map { RequestStateKey(secret: $0.utf8) } ?? .random
        seal = RequestStateSeal(key: key, lifetime: lifetime)
        held = HeldCalls(settings.limits, eventLoop: eventLoop)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [links] in
            while true {
                do { try await Task.sleep(for: Self.sweepInterval) } catch { return }
                await links.sweep(idleSince: .now - BorrowedLinks.idleTime)
            }
        }
        await held.end()
        await links.end()
    }

    /// How long a call of somebody may be held: no longer than who it is was shown.
    func lifetime(for principal: Principal?) -> Duration {
        guard let expiry = principal?.expiry else { return lifetime }
        return min(lifetime, .seconds(max(0, expiry - seal.clock.now)))
    }
}
