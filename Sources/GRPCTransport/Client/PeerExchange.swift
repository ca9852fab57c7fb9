// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import PluginWire

/// The exchange of capabilities on a new connection.
enum PeerExchange {
    /// What the server can do beyond the plugin contract; nil when it does not answer at all.
    static func describe(_ caller: GRPCConnectionCaller) async -> UInt64? {
        do {
            var message = GRPCMessage.buffer(capacity: 64)
            try PeerDescription().encode(into: &message)
            let answer = try await caller.unary(PeerDescription.path, message)
            return WireFeatures(announced: try PeerDescription(decoding: answer).features).rawValue
        } catch let status as GRPCStatus {
            switch status.code {
            // UNIMPLEMENTED, of another implementation; or what something in between makes of it.
            case .deadlineExceeded, .unavailable, .cancelled: return nil
            default: return 0
            }
        } catch {
            return 0
        }
    }
}
