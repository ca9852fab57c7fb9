// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
package import PluginFramework
import PluginWire

/// Several plugins of the server in one request.
extension GRPCPluginInvoker {
    /// The channel, while its server is one of ours that runs chains; nil while the plugin cannot be called.
    package var chainSeat: PluginChainSeat? {
        guard channel.features.carriesChains, let admitted else { return nil }
        return PluginChainSeat(server: ObjectIdentifier(channel), plugin: admitted.name)
    }

    /// Runs a chain of the server's plugins, this one first.
    ///
    /// - Returns: Nil when it cannot be sent as one request, or the server does not take it: nothing was run.
    package func invoke(_ chain: PluginChain) async -> PluginChainAnswer? {
        var buffer = GRPCMessage.buffer(capacity: 1_024)
        let features = channel.features
        // A server of another make that has taken its place, or none, must not get less than was to be said.
        guard features.carriesChains else { return nil }
        do throws(WireError) {
            try InvokeChainRequest(chain).encode(into: &buffer, features: features)
        } catch {
            // Of one plugin perhaps: each is to hear of its own.
            return nil
        }
        // The request of each may be short enough.
        guard buffer.readableBytes <= channel.channel.longestRequest else { return nil }
        let limit = chain.answerLimit
        do {
            let bytes = try await channel.channel.unary(InvokeChainRequest.path, buffer, timeout: limit)
            return try InvokeChainResponse(decoding: bytes).answers(to: chain)
        } catch let status as GRPCStatus {
            // Another server has taken its place, or the chain is longer than it takes.
            if status.code == .unimplemented || status.code == .invalidArgument { return nil }
            return PluginChainAnswer(failing: chain, error(of: status, chain.hook, limit))
        } catch {
            let message = "the answer of plugin '\(name)' from \(target) cannot be understood: \(error)"
            return PluginChainAnswer(
                failing: chain, PluginError(message, pluginName: name, code: PluginError.Code.internalError))
        }
    }
}
