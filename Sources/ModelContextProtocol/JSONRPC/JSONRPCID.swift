// SPDX-License-Identifier: Apache-2.0

package import Values

/// The id of a JSON-RPC request; its JSON type is kept, because the response must carry the same (MCP, Base Protocol).
package enum JSONRPCID: Sendable {
    /// A text, compared by its bytes.
    case string(String)
    /// A whole number within 64 bits.
    case integer(Int64)

    /// The id that a JSON value is; nil for null and everything else that MCP allows no id to be.
    package init?(_ value: Value) {
        switch value {
        case .string(let text): self = .string(text)
        case .int(let number): self = .integer(number)
        default: return nil
        }
    }

    /// The id as a JSON value.
    package var value: Value {
        switch self {
        case .string(let text): .string(text)
        case .integer(let number): .int(number)
        }
    }
}

extension JSONRPCID: Hashable {
    /// Compares type and bytes: `1` and `"1"` are two ids.
    package static func == (lhs: JSONRPCID, rhs: JSONRPCID) -> Bool {
        switch (lhs, rhs) {
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.integer(let left), .integer(let right)): left == right
        default: false
        }
    }

    /// Hashes type and bytes.
    package func hash(into hasher: inout Hasher) {
        switch self {
        case .string(let text):
            hasher.combine(0)
            ByteKey(text).hash(into: &hasher)
        case .integer(let number):
            hasher.combine(1)
            hasher.combine(number)
        }
    }
}

extension JSONRPCID: CustomStringConvertible {
    /// The id as JSON text.
    package var description: String { value.description }
}
