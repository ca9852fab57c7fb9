// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// A request on a raw socket, where nothing but its fields says what it is.
package enum SocketRequest: Sendable {
    /// `hook_type` and `plugin_name` are set.
    case invokeHook(InvokeHookRequest)
    /// Field 1 is set.
    case getPluginConfig(GetPluginConfigRequest)
    /// At most two bytes.
    case getPluginConfigs
    /// A peer of ours that begins.
    case hello(PeerDescription)
    /// It is meant to run a hook, and cannot: bad bytes in it.
    case brokenInvokeHook(plugin: String, WireError)
    /// None of these.
    case unknown

    /// The longest request for all configurations, which has no fields.
    private static let longestEmpty = 2

    /// Tells what a frame is, in the order in which ContextForge's server does.
    package init(_ frame: ByteBuffer) {
        var fault: WireError?
        do throws(WireError) {
            let request = try InvokeHookRequest(decoding: frame)
            if !request.hookType.isEmpty, !request.pluginName.isEmpty {
                self = .invokeHook(request)
                return
            }
        } catch {
            fault = error
        }
        let names = try? RequestNames(decoding: frame)
        if let fault, let names, !names.first.isEmpty, !names.second.isEmpty {
            self = .brokenInvokeHook(plugin: names.second, fault)
        } else if let names, !names.first.isEmpty {
            self = .getPluginConfig(GetPluginConfigRequest(name: names.first))
        } else if frame.readableBytes <= Self.longestEmpty, names != nil {
            self = .getPluginConfigs
        } else if let hello = try? PeerHello(decoding: frame) {
            self = .hello(hello.peer)
        } else {
            self = .unknown
        }
    }

    /// What is answered to a request that is none, as ContextForge's server does.
    package static let unknownMessageCode = "UNKNOWN_MESSAGE"
}

/// The fields 1 and 2 of a message, as text; all others are passed over.
private struct RequestNames {
    var first = ""
    var second = ""

    init(decoding bytes: ByteBuffer) throws(WireError) {
        self = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var names = RequestNames()
            while let tag = try reader.nextTag() {
                switch tag {
                case WireTag(1, .lengthDelimited): names.first = try reader.string("1")
                case WireTag(2, .lengthDelimited): names.second = try reader.string("2")
                default: try reader.skip(tag)
                }
            }
            return names
        }
    }

    private init() {}
}
