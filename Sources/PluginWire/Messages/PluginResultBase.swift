// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

// PluginResultBase and PluginViolation: the part of a result that is the same for all hooks, as messages of their own. The
// contract has them and its servers do not send them; a server that sends nothing else is understood all the same.
extension WireReader {
    /// Decodes the rest of this message, a PluginResultBase, on top of what was received before.
    mutating func decodeResultBase(into result: inout PluginResult) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .varint):
                result.continueProcessing = try varint() != 0
            case WireTag(2, .lengthDelimited):
                var violation = result.violation.take() ?? PluginViolation(code: "", reason: "")
                try message("violation") { (content: inout WireReader) throws(WireError) in
                    try content.decodeViolation(into: &violation)
                }
                result.violation = violation
            case WireTag(3, .lengthDelimited):
                try decodeStruct("metadata", into: &result.metadata)
            default:
                try skip(tag)
            }
        }
    }

    private mutating func decodeViolation(into violation: inout PluginViolation) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited): violation.reason = try string("reason")
            case WireTag(2, .lengthDelimited): violation.description = try string("description")
            case WireTag(3, .lengthDelimited): violation.code = try string("code")
            case WireTag(4, .lengthDelimited):
                let name = try string("plugin_name")
                violation.pluginName = name.isEmpty ? nil : name
            case WireTag(5, .lengthDelimited): try decodeStruct("details", into: &violation.details)
            case WireTag(6, .varint):
                let code = Int32(truncatingIfNeeded: try varint())
                violation.mcpErrorCode = code == 0 ? nil : Int(code)
            default: try skip(tag)
            }
        }
    }
}
