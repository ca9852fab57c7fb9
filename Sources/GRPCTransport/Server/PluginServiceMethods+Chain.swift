// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import PluginFramework
import PluginWire
import TransportSecurity

/// Chains of plugins in one request, which peers of ours send.
extension PluginServiceMethods {
    var invokeChain: GRPCMethod {
        .unary(InvokeChainRequest.path) { call in
            var chain: PluginChain
            do throws(WireError) {
                chain = try InvokeChainRequest(decoding: call.message).chain
            } catch {
                throw GRPCStatus(.invalidArgument, "\(error)")
            }
            chain.caller = call.peer.identity.map { CallerIdentity($0) }
            chain.startsInline = call.message.readableBytes <= inlineLimit
            var answers = ChainAnswerWriter(
                appendingTo: GRPCMessage.buffer(capacity: 64 + 96 * chain.steps.count),
                features: WireFeatures(rawValue: call.peer.features))
            await chain.run(on: service) { answers.write($0, $1, $2) }
            return answers.bytes
        }
    }
}
