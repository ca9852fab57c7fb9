// SPDX-License-Identifier: Apache-2.0

package import Values

/// Which arguments of a tool its calls repeat in `Mcp-Param-*` headers: those whose schema has `x-mcp-header` (MCP 2026-07-28).
package struct MCPParameterHeaders: Sendable {
    /// What an argument's schema says that it is; arguments of other types have no header.
    enum Kind: String, Sendable {
        case string, integer, boolean
    }

    /// One argument with a header.
    struct Parameter: Sendable {
        /// The keys that lead to it, from the arguments inwards.
        var path: [String]
        /// The header's name, `Mcp-Param-` included.
        var header: String
        var kind: Kind

        /// The argument; nil when it is absent or null.
        func value(in arguments: Document?) -> Value? {
            guard let first = path.first, var value = arguments?[first] else { return nil }
            for key in path.dropFirst() {
                guard let next = value[key] else { return nil }
                value = next
            }
            return value.isNull ? Optional<Value>.none : value
        }
    }

    static let prefix = "Mcp-Param-"

    let parameters: [Parameter]

    /// The names of the headers, `Mcp-Param-` included.
    package var names: [String] { parameters.map(\.header) }

    /// The headers of a call with these arguments.
    ///
    /// Arguments that are absent, null, objects or arrays have none.
    package func headers(for arguments: Document?) -> [(name: String, value: String)] {
        parameters.compactMap { parameter in
            guard let value = parameter.value(in: arguments), let text = Self.text(value) else { return nil }
            return (parameter.header, HeaderValue.encode(text))
        }
    }

    /// An argument as its header has it; nil for what has no such form.
    static func text(_ value: Value) -> String? {
        switch value {
        case .string(let text): text
        case .bool(let isTrue): isTrue ? "true" : "false"
        case .int, .double: value.description
        default: nil
        }
    }
}

/// Why a tool's `x-mcp-header` annotations cannot be followed; such a tool is not to be offered over HTTP (MCP 2026-07-28).
package struct MCPParameterHeaderError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, and where.
    package let description: String
}
