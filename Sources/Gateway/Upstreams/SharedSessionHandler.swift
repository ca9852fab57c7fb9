// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import Values

/// What becomes of messages that an upstream sends on the session that all clients share.
///
/// Nothing tells whose call they belong to, so they go to no single client: what belongs to a call comes with it.
struct SharedSessionHandler: MCPClientHandler {
    unowned let upstream: Upstream

    func notification(_ method: String, _ params: Document?) async {
        switch method {
        case ListKind.tools.changed, ListKind.prompts.changed, ListKind.resources.changed:
            upstream.refreshes.send()
        case GatewayMethod.resourceUpdated:
            guard let uri = params?["uri"]?.stringValue else { return }
            for session in upstream.subscriptions.sessions(for: uri) {
                session.resourceUpdated(uri, of: upstream)
            }
        default:
            upstream.logger.debug(
                "Message of a shared session that belongs to no call, dropped",
                metadata: ["server": "\(upstream.name)", "method": "\(method)"])
        }
    }
}
