// SPDX-License-Identifier: Apache-2.0

package import Values

/// The error object of a JSON-RPC response.
package struct JSONRPCError: Error, Sendable, Equatable {
    /// What kind of fault it is; see the codes below.
    package var code: Int
    /// What is wrong, for people.
    package var message: String
    /// More about it, for programs; nil when the response has no `data`.
    package var data: Value?

    /// Makes an error.
    package init(code: Int, message: String, data: Value? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }
}

extension JSONRPCError {
    /// The bytes are no JSON (JSON-RPC 2.0, section 5.1).
    package static let parseErrorCode = -32_700
    /// The JSON is no request, or one that may not come now.
    package static let invalidRequestCode = -32_600
    /// The method is unknown, or belongs to a capability that was not announced.
    package static let methodNotFoundCode = -32_601
    /// The parameters do not fit; also unknown tools, prompts, cursors and levels (MCP).
    package static let invalidParamsCode = -32_602
    /// The receiver failed.
    package static let internalErrorCode = -32_603
    /// The resource does not exist (MCP up to 2025-11-25).
    package static let resourceNotFoundCode = -32_002
    /// The client has to visit a page first (MCP 2025-11-25 alone).
    package static let urlElicitationRequiredCode = -32_042
    /// A header does not say what the body says (MCP 2026-07-28).
    package static let headerMismatchCode = -32_020
    /// The client has not declared what the request needs (MCP 2026-07-28); `data` names it.
    package static let missingCapabilityCode = -32_021
    /// The revision asked for is not spoken (MCP 2026-07-28); `data` lists the revisions that are.
    package static let unsupportedProtocolVersionCode = -32_022

    /// An error for bytes that are no JSON.
    package static func parseError(_ message: String) -> JSONRPCError {
        JSONRPCError(code: parseErrorCode, message: message)
    }

    /// An error for a message that is no request, or may not come now.
    package static func invalidRequest(_ message: String) -> JSONRPCError {
        JSONRPCError(code: invalidRequestCode, message: message)
    }

    /// An error for a method that is not served.
    package static func methodNotFound(_ method: String) -> JSONRPCError {
        JSONRPCError(code: methodNotFoundCode, message: "Method not found: \(method)")
    }

    /// An error for parameters that do not fit.
    package static func invalidParams(_ message: String) -> JSONRPCError {
        JSONRPCError(code: invalidParamsCode, message: message)
    }

    /// An error for a request whose headers and body differ (MCP 2026-07-28).
    package static func headerMismatch(_ message: String) -> JSONRPCError {
        JSONRPCError(code: headerMismatchCode, message: message)
    }

    /// An error for a request that needs what its client has not declared (MCP 2026-07-28).
    ///
    /// - Parameter required: the capabilities, as a client would declare them: `{"elicitation":{"form":{}}}`.
    package static func missingCapability(_ required: ValueObject) -> JSONRPCError {
        JSONRPCError(
            code: missingCapabilityCode,
            message: "the request needs client capabilities that it does not declare: "
                + required.keys.joined(separator: ", "),
            data: ["requiredCapabilities": .object(required)])
    }

    /// An error for a revision that is not spoken (MCP 2026-07-28).
    package static func unsupportedVersion(_ requested: String, supported: [ProtocolRevision]) -> JSONRPCError {
        JSONRPCError(
            code: unsupportedProtocolVersionCode,
            message: "the MCP revision \(requested) is not spoken here; use one of those in data.supported",
            data: ["supported": .array(supported.map { .string($0.name) }), "requested": .string(requested)])
    }

    /// An error for a fault of the receiver.
    package static func internalError(_ message: String) -> JSONRPCError {
        JSONRPCError(code: internalErrorCode, message: message)
    }
}

extension JSONRPCError: CustomStringConvertible {
    /// Message and code.
    package var description: String { "\(message) (JSON-RPC error \(code))" }
}
