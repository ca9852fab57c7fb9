// SPDX-License-Identifier: Apache-2.0

import NIOCore
package import PluginFramework
import PluginWire

/// Several plugins of the server in one request.
extension SocketPluginInvoker {
    /// The channel, while its server is one of ours that runs chains; nil while the plugin cannot be called.
    package var chainSeat: PluginChainSeat? {
        let features = channel.features
        guard features.carriesChains, features.contains(.multiplexedFrames), let admitted = admission.admitted
        else { return nil }
        return PluginChainSeat(server: ObjectIdentifier(channel), plugin: admitted.name)
    }

    /// Runs a chain of the server's plugins, this one first.
    ///
    /// - Returns: Nil when it cannot be sent as one request: nothing was run.
    package func invoke(_ chain: PluginChain) async -> PluginChainAnswer? {
        var request = ByteBuffer()
        let features = channel.features
        // A server of another make that has taken its place, or none, must not get less than was to be said.
        guard features.carriesChains, features.contains(.multiplexedFrames) else { return nil }
        do throws(WireError) {
            try InvokeChainRequest(chain).encode(into: &request, features: features)
        } catch {
            // Of one plugin perhaps: each is to hear of its own.
            return nil
        }
        // The request of each may be short enough.
        guard request.readableBytes <= channel.longestRequest else { return nil }
        let limit = chain.answerLimit
        let bytes: ByteBuffer
        do throws(SocketCallFailure) {
            bytes = try await channel.call(.invokeChain, request, timeout: limit)
        } catch {
            if error.kind == .unknownThere { return nil }
            return PluginChainAnswer(failing: chain, pluginError(of: error, chain.hook, limit))
        }
        do throws(WireError) {
            return try InvokeChainResponse(decoding: bytes).answers(to: chain)
        } catch {
            let message = "the answer of plugin '\(name)' from \(target) cannot be understood: \(error)"
            return PluginChainAnswer(
                failing: chain, PluginError(message, pluginName: name, code: PluginError.Code.internalError))
        }
    }
}
