// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import Values

// A PluginResult travels as a Struct. Its parts (the payload, metadata, details, headers) count their nesting each from 1:
// a payload that could be received can also be sent back, although it lies two levels deeper then.
extension WireWriter {
    /// The content of a Struct that says the result.
    ///
    /// What has its default is left out.
    mutating func resultContent(_ result: PluginResult) throws(WireError) {
        if result.retryDelayMilliseconds != 0 {
            entry("retry_delay_ms", result.retryDelayMilliseconds)
        }
        if let headers = result.httpHeaders { try entry("http_headers", .object(headers), depth: 0) }
        if !result.metadata.isEmpty { try entry("metadata", .object(result.metadata), depth: 0) }
        if let violation = result.violation {
            let before = count
            do throws(WireError) {
                try violationContent(violation)
            } catch {
                throw error.inside("violation")
            }
            close(5, since: before)
            close(2, since: before)
            closeEntry("violation", since: before)
        }
        if let payload = result.modifiedPayload {
            if let encoded = payload.encoded as? EncodedStruct, mayPass(encoded) {
                let before = count
                structBytes(encoded)
                close(5, since: before)
                close(2, since: before)
                closeEntry("modified_payload", since: before)
            } else {
                try entry("modified_payload", payload.value, depth: 0)
            }
        }
        entry("continue_processing", result.continueProcessing)
    }

    private mutating func violationContent(_ violation: PluginViolation) throws(WireError) {
        if let name = violation.pluginName { entry("plugin_name", name) }
        if let headers = violation.httpHeaders { try entry("http_headers", .object(headers), depth: 0) }
        if let status = violation.httpStatusCode { entry("http_status_code", status) }
        if let code = violation.mcpErrorCode { entry("mcp_error_code", code) }
        if !violation.details.isEmpty { try entry("details", .object(violation.details), depth: 0) }
        entry("code", violation.code)
        entry("description", violation.description)
        entry("reason", violation.reason)
    }
}

extension WireReader {
    /// Decodes the rest of this message, a Struct that says a result.
    ///
    /// Keys that are not known are checked and ignored.
    mutating func decodeResult(of whole: ByteBuffer, into result: inout PluginResult) throws(WireError) {
        while let tag = try nextTag() {
            guard tag == StructFields.entry else {
                try skip(tag)
                continue
            }
            try message().eachEntry(of: whole) { (key, value: inout WireReader, whole) throws(WireError) in
                switch key {
                case "continue_processing":
                    result.continueProcessing = try value.decodeBool() ?? true
                case "modified_payload":
                    result.modifiedPayload = try value.decodeDocument(of: whole)
                case "violation":
                    result.violation = try value.decodeViolation()
                case "metadata":
                    result.metadata = try value.decodeObject() ?? [:]
                case "http_headers":
                    result.httpHeaders = try value.decodeHeaders()
                case "retry_delay_ms":
                    result.retryDelayMilliseconds = try value.decodeInteger() ?? 0
                default:
                    try value.checkValue(depth: 0)
                }
            }
        }
    }

    private mutating func decodeViolation() throws(WireError) -> PluginViolation? {
        // A violation is small: it is decoded whole, then looked at.
        guard let object = try decodeObject(depth: -1) else { return nil }
        var violation = PluginViolation(
            code: try Self.text("code", object), reason: try Self.text("reason", object),
            description: try Self.text("description", object))
        if let details = try Self.member("details", object, "an object", { $0.objectValue }) {
            violation.details = details
        }
        violation.mcpErrorCode = try Self.integer("mcp_error_code", object)
        violation.httpStatusCode = try Self.integer("http_status_code", object)
        if let headers = try Self.member("http_headers", object, "an object", { $0.objectValue }) {
            do throws(WireError) {
                violation.httpHeaders = try Self.checkedHeaders(headers)
            } catch {
                throw error.inside("http_headers")
            }
        }
        violation.pluginName = try Self.member("plugin_name", object, "a string") { $0.stringValue }
        return violation
    }

    private static func text(_ key: String, _ object: ValueObject) throws(WireError) -> String {
        guard let text = try member(key, object, "a string", { $0.stringValue }) else {
            throw WireError(.missing, "is required and must be a string", path: [key])
        }
        return text
    }

    private static func integer(_ key: String, _ object: ValueObject) throws(WireError) -> Int? {
        try member(key, object, "an integer") { $0.intValue }.map { Int($0) }
    }

    private static func member<Member>(
        _ key: String, _ object: ValueObject, _ expected: String, _ convert: (Value) -> Member?
    ) throws(WireError) -> Member? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let member = convert(value) else { throw wrongType(value, expected).inside(key) }
        return member
    }

    private static func checkedHeaders(_ headers: ValueObject) throws(WireError) -> ValueObject {
        for header in headers where header.value.stringValue == nil {
            throw wrongType(header.value, "a string").inside(header.key)
        }
        return headers
    }

    private static func wrongType(_ value: Value, _ expected: String) -> WireError {
        WireError(.type, "must be \(expected), not \(value.kindDescription)")
    }
}

// Members of the envelope: null counts as absent.
extension WireReader {
    private mutating func decodeWhole(depth: Int = 0) throws(WireError) -> Value? {
        var value = Value.null
        try decodeValue(into: &value, depth: depth)
        // Spelled out: a bare nil next to a Value would be a null, not the absence of a value.
        return value.isNull ? Value?.none : value
    }

    private mutating func decodeBool() throws(WireError) -> Bool? {
        guard let value = try decodeWhole() else { return nil }
        guard let flag = value.boolValue else { throw Self.wrongType(value, "a boolean") }
        return flag
    }

    private mutating func decodeInteger() throws(WireError) -> Int? {
        guard let value = try decodeWhole() else { return nil }
        guard let number = value.intValue else { throw Self.wrongType(value, "an integer") }
        return Int(number)
    }

    private mutating func decodeObject(depth: Int = 0) throws(WireError) -> ValueObject? {
        guard let value = try decodeWhole(depth: depth) else { return nil }
        guard let object = value.objectValue else { throw Self.wrongType(value, "an object") }
        return object
    }

    private mutating func decodeHeaders() throws(WireError) -> ValueObject? {
        guard let headers = try decodeObject() else { return nil }
        return try Self.checkedHeaders(headers)
    }

    /// A document of this message, a Value: of the bytes when it is one object, else of the decoded value.
    private mutating func decodeDocument(of whole: ByteBuffer) throws(WireError) -> Document? {
        var first = self
        if let tag = try first.nextTag(), tag == StructFields.object {
            var content = try first.message()
            if first.isAtEnd {
                let range = content.position..<content.end
                try content.checkStruct(depth: 1)
                let slice = whole.getSlice(at: whole.readerIndex + range.lowerBound, length: range.count)
                return Document(checkedStruct: slice)
            }
        }
        return try decodeWhole().map { Document($0) }
    }

    /// Hands the key and the value of this message, an entry of a Struct, to a closure, with the bytes that both lie in.
    private consuming func eachEntry(
        of whole: ByteBuffer, _ body: (String, inout WireReader, ByteBuffer) throws(WireError) -> Void
    ) throws(WireError) {
        var key = ""
        var value: WireReader?
        var merged: ByteBuffer?
        while let tag = try nextTag() {
            switch tag {
            case StructFields.key:
                key = try string()
            case StructFields.value:
                let next = try message()
                if let before = value {
                    // Senders write a value once. If not, both are merged, as protobuf says: read one after the other.
                    var both = merged.take() ?? ByteBuffer(bytes: before.rest)
                    both.writeBytes(next.rest)
                    merged = both
                }
                value = next
            default:
                try skip(tag)
            }
        }
        do throws(WireError) {
            if let merged {
                try merged.withWireReader { (content: inout WireReader) throws(WireError) in
                    try body(key, &content, merged)
                }
            } else {
                var content = value ?? WireReader(bytes, end..<end)
                try body(key, &content, whole)
            }
        } catch {
            throw error.inside(key)
        }
    }
}
