// SPDX-License-Identifier: Apache-2.0

/// What is asked for in a frame between peers of ours that share a way, whatever carries it: a raw socket, or a stream of gRPC.
package enum PeerCallKind: UInt8, Sendable {
    /// How many milliseconds are left (4 bytes big-endian, 0 for no limit), then an InvokeHookRequest.
    case invokeHook = 1
    /// A GetPluginConfigRequest.
    case getPluginConfig = 2
    /// A GetPluginConfigsRequest.
    case getPluginConfigs = 3
    /// How many milliseconds are left, as with a hook, then an InvokeChainRequest (`chain_push_down`).
    case invokeChain = 4
}
