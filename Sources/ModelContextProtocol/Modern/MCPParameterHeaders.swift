// SPDX-License-Identifier: Apache-2.0

internal import NIOHTTP1
package import Values

/// Which arguments of a tool its calls repeat in `Mcp-Param-*` headers: those whose schema has `x-mcp-header` (MCP 2026-07-28).
package struct MCPParameterHeaders: Sendable {
    /// What an argument's schema says that it is; other types have no header.
    enum Kind: Sendable {
        case string, integer, boolean
    }

    /// One argument with a header.
    struct Parameter: Sendable {
        /// The keys that lead to it, from the arguments inwards.
        var path: [String]
        /// The header's name, `Mcp-Param-` included.
        var header: String
        var kind: Kind
    }

    let parameters: [Parameter]

    /// The headers of a call with these arguments.
    ///
    /// Arguments that are absent or null have none.
    package func headers(for arguments: Document?) -> [(name: String, value: String)] {
        []
    }

    /// What is wrong with a call's headers beside its arguments; nil when they say the same.
    func mismatch(_ headers: HTTPHeaders, _ arguments: Document?) -> String? {
        nil
    }
}

/// Why a tool's `x-mcp-header` annotations cannot be followed; such a tool is not to be offered over HTTP (MCP 2026-07-28).
package struct MCPParameterHeaderError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, and where.
    package let description: String
}

extension MCPParameterHeaders {
    /// Reads a tool's input schema; nil when none of its arguments has a header.
    ///
    /// - Throws: when an annotation is where it may not be, is no header name, or is there twice.
    package init?(inputSchema: Document) throws(MCPParameterHeaderError) {
        return nil
    }
}
