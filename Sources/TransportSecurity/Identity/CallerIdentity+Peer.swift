// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
package import Sockets

extension CallerIdentity {
    /// What a connection has found out about its far end, as plugins are told.
    package init(_ peer: PeerIdentity) {
        self.init(
            subject: peer.subject, dnsNames: peer.dnsNames, ipAddresses: peer.ipAddresses, uris: peer.uris,
            emailAddresses: peer.emailAddresses, spiffeID: peer.spiffeID)
    }
}
