// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

extension PluginError {
    /// What an error without a message says on the wire.
    ///
    /// The reference's client takes an error with an empty message for none at all.
    fileprivate static let unnamed = "the plugin failed without a message; see the plugin server's log"
}

extension WireWriter {
    /// The content of a PluginError.
    ///
    /// A JSON-RPC code beyond 32 bits, which the field cannot hold, becomes the default.
    mutating func errorContent(_ error: PluginError) throws(WireError) {
        errorCode(error)
        try structField(4, "details", error.details)
        errorTexts(error)
    }

    /// The content of a PluginError but for its details, the one part that may be impossible to send.
    mutating func errorContentWithoutDetails(_ error: PluginError) {
        errorCode(error)
        errorTexts(error)
    }

    private mutating func errorCode(_ error: PluginError) {
        field(5, Int32(exactly: error.mcpErrorCode) ?? Int32(PluginError.defaultMCPErrorCode))
    }

    private mutating func errorTexts(_ error: PluginError) {
        field(3, error.code)
        field(2, error.pluginName)
        field(1, error.message.isEmpty ? PluginError.unnamed : error.message)
    }
}

extension WireReader {
    /// Decodes the rest of this message, a PluginError, on top of what was received before.
    mutating func decodeError(into error: inout PluginError) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited): error.message = try string("message")
            case WireTag(2, .lengthDelimited): error.pluginName = try string("plugin_name")
            case WireTag(3, .lengthDelimited): error.code = try string("code")
            case WireTag(4, .lengthDelimited): try decodeStruct("details", into: &error.details)
            case WireTag(5, .varint): error.mcpErrorCode = Int(Int32(truncatingIfNeeded: try varint()))
            default: try skip(tag)
            }
        }
    }

    /// An error as it is before anything of it was received.
    static var emptyError: PluginError {
        var error = PluginError("", pluginName: "", mcpErrorCode: 0)
        error.message = ""
        return error
    }

    /// The received error with what the sender left out: a message, the plugin, a JSON-RPC code.
    static func completed(_ received: PluginError, pluginName: String) -> PluginError {
        var error = received
        if error.message.isEmpty { error.message = PluginError.unnamed }
        if error.pluginName.isEmpty { error.pluginName = pluginName }
        // 0 is how proto3 says "not set"; it is no code of JSON-RPC.
        if error.mcpErrorCode == 0 { error.mcpErrorCode = PluginError.defaultMCPErrorCode }
        return error
    }
}
