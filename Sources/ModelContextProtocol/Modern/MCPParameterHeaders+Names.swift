// SPDX-License-Identifier: Apache-2.0

extension MCPParameterHeaders {
    /// The names of the headers, `Mcp-Param-` included.
    package var names: [String] { parameters.map(\.header) }
}
