// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// What a client can do that a server may ask for: sampling, elicitation, roots.
///
/// Tasks, extensions and experiments are not among it, because the gateway has none.
struct ClientFeatures: Sendable, Equatable {
    /// The capabilities, each an object.
    let capabilities: ValueObject
    /// The capabilities as servers of 2026-07-28 know them: forms are named, and lists of roots do not change on their own.
    let modern: ValueObject

    /// Those of a client that declared these capabilities.
    init(_ declared: ValueObject) {
        var capabilities: ValueObject = [:]
        for key in ["elicitation", "roots", "sampling"] {
            guard case .object(let value)? = declared[key] else { continue }
            capabilities[key] = .object(value)
        }
        self.capabilities = capabilities
        modern = Self.modern(capabilities)
    }

    /// Whether there is nothing that it could be asked.
    var isEmpty: Bool { capabilities.isEmpty }

    private static func modern(_ capabilities: ValueObject) -> ValueObject {
        var modern = capabilities
        if asksForms(capabilities), capabilities["elicitation"]?["form"] == nil {
            var elicitation = capabilities["elicitation"]?.objectValue ?? [:]
            elicitation["form"] = [:]
            modern["elicitation"] = .object(elicitation)
        }
        if modern["roots"] != nil { modern["roots"] = [:] }
        return modern
    }

    /// Whether it fills in forms; a client that says nothing else about elicitation does (MCP 2025-11-25, Elicitation).
    private static func asksForms(_ capabilities: ValueObject) -> Bool {
        guard case .object(let elicitation)? = capabilities["elicitation"] else { return false }
        return elicitation["form"]?.objectValue != nil || elicitation["url"] == nil
    }

    /// Whether it can answer a request of a server.
    func canAnswer(_ method: String, _ params: Value?) -> Bool {
        switch method {
        case GatewayMethod.sample:
            guard case .object(let sampling)? = capabilities["sampling"] else { return false }
            return params?["tools"] == nil || sampling["tools"]?.objectValue != nil
        case GatewayMethod.listRoots: return capabilities["roots"] != nil
        case GatewayMethod.elicit:
            guard params?["mode"]?.stringValue?.hasSameBytes(as: "url") ?? false else {
                return Self.asksForms(capabilities)
            }
            return capabilities["elicitation"]?["url"]?.objectValue != nil
        default: return false
        }
    }

    /// A text that is the same for equal features, whatever the order in which they were written.
    var key: String { Self.text(of: .object(capabilities)) }

    private static func text(of value: Value) -> String {
        guard case .object(let object) = value else { return value.description }
        let members = object.sorted { $0.key.precedesInBytes($1.key) }
            .map { "\(Value.string($0.key)):\(text(of: $0.value))" }
        return "{\(members.joined(separator: ","))}"
    }
}
