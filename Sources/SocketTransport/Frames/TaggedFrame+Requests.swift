// SPDX-License-Identifier: Apache-2.0

import PluginWire
package import Sockets

extension TaggedFrame.Kind {
    /// What a raw socket asks for, all to the server.
    package static let invokeHook = TaggedFrame.Kind(.invokeHook)
    package static let getPluginConfig = TaggedFrame.Kind(.getPluginConfig)
    package static let getPluginConfigs = TaggedFrame.Kind(.getPluginConfigs)
    package static let invokeChain = TaggedFrame.Kind(.invokeChain)

    private init(_ kind: PeerCallKind) { self.init(rawValue: kind.rawValue) }

    /// Whether the caller's time limit stands before the request.
    var hasTimeLimit: Bool { self == .invokeHook || self == .invokeChain }
}
