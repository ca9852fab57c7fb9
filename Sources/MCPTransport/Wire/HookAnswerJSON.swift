// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// The answer of `invoke_hook`: JSON in the text of the tool's result.
struct HookAnswerJSON {
    let outcome: Result<PluginResult, PluginError>
    /// The context as the plugin left it; nil when it is unchanged.
    let context: ContextJSON?

    // MARK: Reading

    /// Reads an answer.
    ///
    /// An `error` counts more than a `result`. What is neither, or has members of wrong types, is an error: it must not
    /// count as a pass.
    init(decoding json: EncodedJSON, plugin: String) throws(WireJSONError) {
        guard json.isObject else { throw WireJSONError("the answer is not an object") }
        context = try Self.context(json)
        if let error = try json.member("error", .object) {
            outcome = .failure(try Self.inside("error") { () throws(WireJSONError) in try Self.error(error, plugin) })
        } else if let result = try json.member("result", .object) {
            outcome = .success(try Self.inside("result") { () throws(WireJSONError) in try Self.result(result) })
        } else {
            throw WireJSONError("the answer has neither a result nor an error; the plugin server must send one")
        }
    }

    private static func inside<Part>(
        _ key: String, _ body: () throws(WireJSONError) -> Part
    ) throws(WireJSONError) -> Part {
        do throws(WireJSONError) { return try body() } catch { throw error.inside(key) }
    }

    private static func context(_ json: EncodedJSON) throws(WireJSONError) -> ContextJSON? {
        guard let context = try json.member("context", .object) else { return nil }
        return try inside("context") { () throws(WireJSONError) in try ContextJSON(checking: context) }
    }

    private static func error(_ json: EncodedJSON, _ plugin: String) throws(WireJSONError) -> PluginError {
        PluginError(
            try json.member("message", .string)?.decode().stringValue ?? "", pluginName: plugin,
            code: try json.member("code", .string)?.decode().stringValue ?? "",
            details: try json.object("details") ?? [:],
            mcpErrorCode: try json.integer("mcp_error_code") ?? PluginError.defaultMCPErrorCode)
    }

    private static func result(_ json: EncodedJSON) throws(WireJSONError) -> PluginResult {
        var result = PluginResult()
        result.continueProcessing = try json.member("continue_processing", .bool)?.decode().boolValue ?? true
        if let payload = json.encodedMember("modified_payload"), payload.kind != .null {
            result.modifiedPayload = Document(encoded: payload)
        }
        if let violation = try json.member("violation", .object) {
            result.violation = try inside("violation") { () throws(WireJSONError) in try Self.violation(violation) }
        }
        result.metadata = try json.object("metadata") ?? [:]
        result.httpHeaders = try json.headers("http_headers")
        result.retryDelayMilliseconds = try json.integer("retry_delay_ms") ?? 0
        return result
    }

    private static func violation(_ json: EncodedJSON) throws(WireJSONError) -> PluginViolation {
        var violation = PluginViolation(
            code: try json.text("code"), reason: try json.text("reason"), description: try json.text("description"),
            details: try json.object("details") ?? [:], mcpErrorCode: try json.integer("mcp_error_code"),
            httpStatusCode: try json.integer("http_status_code"), httpHeaders: try json.headers("http_headers"))
        violation.pluginName = try json.member("plugin_name", .string)?.decode().stringValue
        return violation
    }

    // MARK: Writing

    /// The text of an answer; an error that says so when the plugin's values cannot be sent.
    ///
    /// A caller must get an answer to each request; and what could not be told must not count as a pass.
    static func text(_ answer: PluginAnswer, plugin: String) -> String {
        do throws(WireJSONError) {
            return String(decoding: try encode(answer.outcome, answer.context, plugin), as: UTF8.self)
        } catch {
            var message = "the plugin's answer cannot be sent: \(error)"
            // A failure stays that failure: only what cannot be sent with it is left out.
            var fault = PluginError(message, pluginName: plugin, code: PluginError.Code.internalError)
            if case .failure(let failure) = answer.outcome {
                message = "\(failure.message) (\(message))"
                fault = PluginError(
                    message, pluginName: plugin, code: failure.code, mcpErrorCode: failure.mcpErrorCode)
            }
            var writer = JSONWriter()
            write(.failure(fault), nil, plugin, to: &writer)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    private static func encode(
        _ outcome: Result<PluginResult, PluginError>, _ context: ContextValues?, _ plugin: String
    ) throws(WireJSONError) -> [UInt8] {
        var writer = JSONWriter()
        writer.reserveCapacity(256)
        write(outcome, context, plugin, to: &writer)
        if case .success(let result) = outcome, result.isPlainPass, context == nil { return writer.bytes }
        // What is nested too deeply would be refused by whoever reads it.
        _ = try writer.checked()
        return writer.bytes
    }

    private static func write(
        _ outcome: Result<PluginResult, PluginError>, _ context: ContextValues?, _ plugin: String,
        to writer: inout JSONWriter
    ) {
        writer.raw(#"{"plugin_name":"#)
        writer.write(plugin)
        switch outcome {
        case .success(let result):
            writer.raw(#","result":"#)
            write(result, to: &writer)
        case .failure(let error):
            writer.raw(#","error":{"message":"#)
            writer.write(error.message)
            writer.raw(#","plugin_name":"#)
            writer.write(error.pluginName)
            writer.raw(#","code":"#)
            writer.write(error.code)
            writer.raw(#","details":"#)
            writer.write(.object(error.details))
            writer.raw(#","mcp_error_code":"#)
            writer.write(.int(Int64(error.mcpErrorCode)))
            writer.raw("}")
        }
        if let context {
            writer.raw(#","context":"#)
            ContextJSON.write(context, to: &writer)
        }
        writer.raw("}")
    }

    /// The whole result, with the members that ContextForge's servers send even when they are empty.
    private static func write(_ result: PluginResult, to writer: inout JSONWriter) {
        writer.raw(#"{"continue_processing":"#)
        writer.write(.bool(result.continueProcessing))
        writer.raw(#","modified_payload":"#)
        if let payload = result.modifiedPayload { writer.write(payload) } else { writer.write(.null) }
        writer.raw(#","violation":"#)
        if let violation = result.violation { write(violation, to: &writer) } else { writer.write(.null) }
        writer.raw(#","metadata":"#)
        writer.write(.object(result.metadata))
        if let headers = result.httpHeaders {
            writer.raw(#","http_headers":"#)
            writer.write(.object(headers))
        }
        if result.retryDelayMilliseconds != 0 {
            writer.raw(#","retry_delay_ms":"#)
            writer.write(.int(Int64(result.retryDelayMilliseconds)))
        }
        writer.raw("}")
    }

    private static func write(_ violation: PluginViolation, to writer: inout JSONWriter) {
        writer.raw(#"{"reason":"#)
        writer.write(violation.reason)
        writer.raw(#","description":"#)
        writer.write(violation.description)
        writer.raw(#","code":"#)
        writer.write(violation.code)
        writer.raw(#","details":"#)
        writer.write(.object(violation.details))
        writer.raw(#","mcp_error_code":"#)
        writer.write(number(violation.mcpErrorCode))
        if let status = violation.httpStatusCode {
            writer.raw(#","http_status_code":"#)
            writer.write(.int(Int64(status)))
        }
        if let headers = violation.httpHeaders {
            writer.raw(#","http_headers":"#)
            writer.write(.object(headers))
        }
        if let name = violation.pluginName {
            writer.raw(#","plugin_name":"#)
            writer.write(name)
        }
        writer.raw("}")
    }

    private static func number(_ number: Int?) -> Value { number.map { .int(Int64($0)) } ?? .null }
}
