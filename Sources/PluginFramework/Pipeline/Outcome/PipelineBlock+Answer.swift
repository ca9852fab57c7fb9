// SPDX-License-Identifier: Apache-2.0

public import Values

extension PipelineBlock {
    /// A JSON-RPC error object's members.
    public struct JSONRPCError: Sendable, Equatable {
        /// The error's code.
        public var code: Int
        /// The error's message.
        public var message: String
        /// Further data.
        public var data: ValueObject

        /// The object as it travels.
        public var value: Value {
            .object(["code": .int(Int64(code)), "message": .string(message), "data": .object(data)])
        }
    }

    /// JSON-RPC "invalid params", with which ContextForge reports a violation that names no code.
    public static let defaultViolationCode = -32602

    /// The block as a JSON-RPC error, as ContextForge words it.
    public var jsonRPCError: JSONRPCError {
        switch reason {
        case .violation(let violation):
            var data: ValueObject = [:]
            if !violation.description.isEmpty { data["description"] = .string(violation.description) }
            if !violation.details.isEmpty { data["details"] = .object(violation.details) }
            if !violation.code.isEmpty { data["plugin_error_code"] = .string(violation.code) }
            if let plugin { data["plugin_name"] = .string(plugin) }
            // 0 is no code of JSON-RPC; the reference takes it for none.
            let code = violation.mcpErrorCode.flatMap { $0 == 0 ? nil : $0 } ?? Self.defaultViolationCode
            return JSONRPCError(code: code, message: "Plugin Violation: \(violation.description)", data: data)
        case .error(let error):
            var data: ValueObject = [:]
            if !error.details.isEmpty { data["details"] = .object(error.details) }
            if !error.code.isEmpty { data["plugin_error_code"] = .string(error.code) }
            data["plugin_name"] = .string(error.pluginName)
            return JSONRPCError(code: error.mcpErrorCode, message: "Plugin Error: \(error.message)", data: data)
        }
    }

    /// The HTTP status of the block where statuses are used: at the REST interface and the `http_*` hooks, not at the MCP endpoint.
    ///
    /// 200 when neither the violation nor its code says otherwise, and for errors.
    public var httpStatus: Int {
        guard case .violation(let violation) = reason else { return 200 }
        if let status = violation.httpStatusCode, Self.isErrorStatus(status) { return status }
        return Self.httpStatus(forCode: violation.code) ?? 200
    }

    /// The headers of the violation that HTTP allows: names to strings.
    public var httpHeaders: ValueObject {
        guard case .violation(let violation) = reason, let given = violation.httpHeaders else { return [:] }
        var headers: ValueObject = [:]
        _ = HeaderFields.merge(given, into: &headers)
        return headers
    }

    /// The HTTP status that a violation's code stands for; nil for a code that stands for none.
    public static func httpStatus(forCode code: String) -> Int? {
        statuses[ByteKey(code)]
    }

    /// Whether a plugin may choose this status: the registered ones of 4xx and 5xx (RFC 9110 and the registry it names).
    public static func isErrorStatus(_ status: Int) -> Bool {
        switch status {
        case 400...418, 421...426, 428, 429, 431, 451, 500...508, 510, 511: true
        default: false
        }
    }

    private static let statuses: [ByteKey: Int] = {
        let codes: [Int: [String]] = [
            400: ["INVALID_URI"],
            401: ["INVALID_TOKEN", "API_KEY_REVOKED", "AUTH_REQUIRED"],
            403: ["PROTOCOL_BLOCKED", "DOMAIN_BLOCKED", "BLOCKED_CONTENT", "BLOCKED"],
            413: ["CONTENT_TOO_LARGE"],
            422: ["CONTENT_MODERATION", "PII_DETECTED", "SENSITIVE_CONTENT", "PROHIBITED_CONTENT"],
            429: ["RATE_LIMIT"],
            500: ["EXECUTION_ERROR", "PROCESSING_ERROR"],
            503: ["MODERATION_ERROR"],
        ]
        return Dictionary(
            codes.flatMap { status, names in names.map { (ByteKey($0), status) } },
            uniquingKeysWith: { first, _ in first })
    }()
}
