// SPDX-License-Identifier: Apache-2.0

public import Values

/// Why a plugin blocks a call.
public struct PluginViolation: Sendable, Equatable {
    /// What is wrong, in a few words; shown to the caller.
    public var reason: String
    /// What exactly was found and what the caller can do; never the secret that was found.
    public var description: String
    /// A machine-readable code in capitals, such as `PII_DETECTED`.
    public var code: String
    /// Further data for the caller.
    public var details: ValueObject
    /// Who blocked.
    ///
    /// Set by the pipeline, never by a plugin.
    public var pluginName: String?
    /// The JSON-RPC error code that the caller gets; nil for the default, -32602.
    public var mcpErrorCode: Int?
    /// The HTTP status that the caller gets where HTTP statuses are used; nil for the default of the code.
    public var httpStatusCode: Int?
    /// HTTP headers that the caller gets, such as `Retry-After`: names to strings.
    public var httpHeaders: ValueObject?

    /// Makes a violation; the description defaults to the reason.
    public init(
        code: String,
        reason: String,
        description: String? = nil,
        details: ValueObject = [:],
        mcpErrorCode: Int? = nil,
        httpStatusCode: Int? = nil,
        httpHeaders: ValueObject? = nil
    ) {
        self.code = code
        self.reason = reason
        self.description = description ?? reason
        self.details = details
        self.mcpErrorCode = mcpErrorCode
        self.httpStatusCode = httpStatusCode
        self.httpHeaders = httpHeaders
    }
}
