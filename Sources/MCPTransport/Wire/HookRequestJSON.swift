// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// The arguments of `invoke_hook`.
struct HookRequestJSON {
    let hook: HookName
    let plugin: String
    let payload: Document
    let context: PluginContext

    /// Reads arguments; the payload is not decoded, nor the context.
    init(_ arguments: EncodedJSON) throws(WireJSONError) {
        hook = HookName(rawValue: try arguments.text("hook_type"))
        plugin = try arguments.text("plugin_name")
        guard let payload = try arguments.member("payload", .object) else {
            throw WireJSONError("is required and must be an object", path: ["payload"])
        }
        guard let context = try arguments.member("context", .object) else {
            throw WireJSONError("is required and must be an object", path: ["context"])
        }
        self.payload = Document(encoded: payload)
        do throws(WireJSONError) {
            self.context = PluginContext(encoded: try ContextJSON(checking: context))
        } catch {
            throw error.inside("context")
        }
    }

    /// The parameters of `tools/call` for an invocation.
    ///
    /// - Throws: when the payload or the context holds what JSON cannot say, or is nested too deeply.
    static func parameters(
        _ invocation: PluginInvocation, plugin: String, context: ContextValues
    ) throws(WireJSONError) -> Document {
        var writer = JSONWriter()
        writer.reserveCapacity(1_024)
        writer.raw(#"{"name":"invoke_hook","arguments":{"hook_type":"#)
        writer.write(invocation.hook.rawValue)
        writer.raw(#","plugin_name":"#)
        writer.write(plugin)
        writer.raw(#","payload":"#)
        writer.write(invocation.payload)
        writer.raw(#","context":"#)
        ContextJSON.write(context, to: &writer)
        writer.raw("}}")
        return Document(encoded: try writer.checked())
    }
}

extension JSONWriter {
    /// What was written, as a value in JSON.
    func checked() throws(WireJSONError) -> EncodedJSON {
        guard !hasNonFinite else {
            throw WireJSONError("infinities and NaN cannot be sent as JSON; use null or a string instead")
        }
        do throws(ValueError) {
            return try EncodedJSON(checking: bytes)
        } catch {
            throw WireJSONError("\(error)")
        }
    }
}
