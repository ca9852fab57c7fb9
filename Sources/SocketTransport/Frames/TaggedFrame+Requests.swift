// SPDX-License-Identifier: Apache-2.0

package import Sockets

extension TaggedFrame.Kind {
    /// To the server: how many milliseconds are left (4 bytes big-endian, 0 for no limit), then an InvokeHookRequest.
    package static let invokeHook = TaggedFrame.Kind(rawValue: 1)
    /// To the server: a GetPluginConfigRequest.
    package static let getPluginConfig = TaggedFrame.Kind(rawValue: 2)
    /// To the server: a GetPluginConfigsRequest.
    package static let getPluginConfigs = TaggedFrame.Kind(rawValue: 3)
    /// To the server: how many milliseconds are left, as with a hook, then an InvokeChainRequest (`chain_push_down`).
    package static let invokeChain = TaggedFrame.Kind(rawValue: 4)

    /// Whether the caller's time limit stands before the request.
    var hasTimeLimit: Bool { self == .invokeHook || self == .invokeChain }
}
