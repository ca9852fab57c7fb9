// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore
package import PluginFramework

/// What came of running a hook.
package struct InvokeHookResponse: WireMessage, Equatable {
    /// What the plugin said, or that it failed.
    package enum Outcome: Sendable, Equatable {
        /// The plugin decided.
        case result(PluginResult)
        /// The plugin failed.
        case error(PluginError)
    }

    /// The plugin's name, as the request spelled it.
    package var pluginName: String
    /// What the plugin said, or that it failed.
    package var outcome: Outcome
    private var changedContext: ChangedContext?

    /// The context as the plugin left it; nil when it is unchanged.
    package var context: ContextValues? {
        get { changedContext?.values }
        set { changedContext = newValue.map { ChangedContext($0) } }
    }

    /// Makes an answer.
    package init(pluginName: String, outcome: Outcome, context: ContextValues? = nil) {
        self.pluginName = pluginName
        self.outcome = outcome
        changedContext = context.map { ChangedContext($0) }
    }

    package static func == (lhs: InvokeHookResponse, rhs: InvokeHookResponse) -> Bool {
        lhs.pluginName == rhs.pluginName && lhs.outcome == rhs.outcome && lhs.context == rhs.context
    }

    /// Decodes a whole message.
    ///
    /// An `error` counts more than a `result`, even when its message is empty; without both, `result_base` is the result.
    ///
    /// - Throws: ``WireError``; with code `missing` when the message says neither.
    package init(decoding bytes: ByteBuffer) throws(WireError) {
        if let name = Self.passedPlugin(bytes) {
            self.init(pluginName: name, outcome: .result(PluginResult()))
            return
        }
        self = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var parts = Parts()
            try reader.decodeResponse(of: bytes, into: &parts)
            let outcome: Outcome
            if let error = parts.error {
                outcome = .error(WireReader.completed(error, pluginName: parts.pluginName))
            } else if let result = parts.result ?? parts.base {
                outcome = .result(result)
            } else {
                throw WireError(
                    .missing, "the answer has neither a result nor an error; the plugin server must send one",
                    path: ["result"])
            }
            return InvokeHookResponse(pluginName: parts.pluginName, outcome: outcome, context: parts.context)
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        try encode(into: &buffer, features: [])
    }

    /// Appends the encoded message for a receiver that understands more than the contract.
    package func encode(into buffer: inout ByteBuffer, features: WireFeatures) throws(WireError) {
        if context == nil, case .result(let result) = outcome, result.isPlainPass {
            Self.encodePass(pluginName: pluginName, into: &buffer)
            return
        }
        var writer = WireWriter(features: features)
        let before = writer.count
        switch outcome {
        case .error(let error):
            do throws(WireError) {
                try writer.errorContent(error)
            } catch {
                throw error.inside("error")
            }
            writer.close(4, since: before)
            if let context { try writer.contextField(3, context) }
        case .result(let result):
            if let context { try writer.contextField(3, context) }
            let before = writer.count
            do throws(WireError) {
                try writer.resultContent(result)
            } catch {
                throw error.inside("result")
            }
            writer.close(2, since: before)
        }
        writer.field(1, pluginName)
        writer.finish(into: &buffer)
    }

    /// Appends the encoded answer, or, when the plugin's values cannot be sent, an error that says so.
    ///
    /// A caller must get an answer for each request; and what could not be told must not count as a pass.
    ///
    /// - Returns: Whether the answer itself was appended.
    @discardableResult
    package func encodeReportingFaults(into buffer: inout ByteBuffer, features: WireFeatures = []) -> Bool {
        do throws(WireError) {
            try encode(into: &buffer, features: features)
            return true
        } catch {
            var message = "the plugin's answer cannot be sent: \(error)"
            // A failure stays that failure: only what cannot be sent with it is left out.
            if case .error(let failure) = outcome { message = "\(failure.message) (\(message))" }
            Self.encodeFault(message, of: self, into: &buffer)
            return false
        }
    }

    private static func encodeFault(_ message: String, of answer: InvokeHookResponse, into buffer: inout ByteBuffer) {
        var writer = WireWriter()
        let before = writer.count
        var error = PluginError(message, pluginName: answer.pluginName, code: PluginError.Code.internalError)
        if case .error(let failure) = answer.outcome {
            error.pluginName = failure.pluginName
            error.code = failure.code
            error.mcpErrorCode = failure.mcpErrorCode
        }
        writer.errorContentWithoutDetails(error)
        writer.close(4, since: before)
        writer.field(1, answer.pluginName)
        writer.finish(into: &buffer)
    }
}

extension InvokeHookResponse {
    /// The answer of a plugin as it travels.
    package init(_ answer: PluginAnswer, pluginName: String) {
        let outcome: Outcome =
            switch answer.outcome {
            case .success(let result): .result(result)
            case .failure(let error): .error(error)
            }
        self.init(pluginName: pluginName, outcome: outcome, context: answer.context)
    }

    /// Field 2, a Struct of one entry, `continue_processing: true`: nearly every answer, so it is not made each time.
    private static let passResult: StaticString =
        "\u{12}\u{1B}\u{0A}\u{19}\u{0A}\u{13}continue_processing\u{12}\u{02}\u{20}\u{01}"

    private static func encodePass(pluginName: String, into buffer: inout ByteBuffer) {
        let length = pluginName.utf8.count
        buffer.reserveCapacity(minimumWritableBytes: length + passResult.utf8CodeUnitCount + 6)
        if length > 0 {
            buffer.writeInteger(0x0A as UInt8)
            var rest = length
            while rest >= 0x80 {
                buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
            buffer.writeString(pluginName)
        }
        buffer.writeStaticString(passResult)
    }

    /// The plugin whose answer these bytes are, if they are exactly those of `encodePass`: nearly every answer of a server of ours, so
    /// that it is not decoded each time.
    private static func passedPlugin(_ bytes: ByteBuffer) -> String? {
        bytes.withUnsafeReadableBytes { bytes in
            let length = bytes.count - passResult.utf8CodeUnitCount - 2
            guard length > 0, length < 0x80, bytes[0] == 0x0A, bytes[1] == UInt8(length), let start = bytes.baseAddress,
                memcmp(start + length + 2, passResult.utf8Start, passResult.utf8CodeUnitCount) == 0,
                bytes.isValidUTF8(in: 2..<length + 2)
            else { return nil }
            return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[2..<length + 2]), as: UTF8.self)
        }
    }

    /// The fields as they are found, before it is known what they mean together.
    fileprivate struct Parts {
        var pluginName = ""
        var result: PluginResult?
        var base: PluginResult?
        var error: PluginError?
        var context: ContextValues?
    }
}

extension WireReader {
    fileprivate mutating func decodeResponse(
        of whole: ByteBuffer, into parts: inout InvokeHookResponse.Parts
    ) throws(WireError) {
        // What was received before is taken out of its place: a second reference to it would make each merge copy all of it.
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited):
                parts.pluginName = try string("plugin_name")
            case WireTag(2, .lengthDelimited):
                var result = parts.result.take() ?? PluginResult()
                try message("result") { (content: inout WireReader) throws(WireError) in
                    try content.decodeResult(of: whole, into: &result)
                }
                parts.result = result
            case WireTag(3, .lengthDelimited):
                var context = parts.context.take() ?? ContextValues(global: GlobalContext(requestID: ""))
                try message("context") { (content: inout WireReader) throws(WireError) in
                    try content.decodeContext(into: &context)
                }
                parts.context = context
            case WireTag(4, .lengthDelimited):
                var error = parts.error.take() ?? Self.emptyError
                try message("error") { (content: inout WireReader) throws(WireError) in
                    try content.decodeError(into: &error)
                }
                parts.error = error
            case WireTag(5, .lengthDelimited):
                // In proto3 a truth value that is not sent is false.
                var base = parts.base.take() ?? PluginResult(continueProcessing: false)
                try message("result_base") { (content: inout WireReader) throws(WireError) in
                    try content.decodeResultBase(into: &base)
                }
                parts.base = base
            default:
                try skip(tag)
            }
        }
    }
}
