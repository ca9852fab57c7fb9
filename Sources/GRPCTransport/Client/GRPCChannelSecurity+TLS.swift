// SPDX-License-Identifier: Apache-2.0

package import GRPC
package import TransportSecurity

extension GRPCChannelSecurity {
    /// TLS as configured: the server's certificate must have the name that the target has, unless the settings say otherwise.
    package static func tls(_ client: TLSClient) -> GRPCChannelSecurity {
        .handlers(identity: client.identity) { channel, target in
            try client.prepare(channel, host: target.host)
        }
    }
}
