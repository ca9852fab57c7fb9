// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// What a client has declared that it can be asked for (MCP, Client Features).
struct ClientAbilities: Sendable {
    let capabilities: ValueObject

    /// Why the client must not be asked something; nil if it may be.
    ///
    /// Who asks gets the error that the client itself would have to give: -32601 for a method that it has not declared, -32602 for a
    /// mode (MCP 2025-11-25, Elicitation and Sampling, Error Handling).
    func refusal(of method: String, _ params: Document?) -> JSONRPCError? {
        switch method {
        case GatewayMethod.sample:
            guard let sampling = capabilities["sampling"]?.objectValue else { return .methodNotFound(method) }
            let needsTools = params?["tools"] != nil || params?["toolChoice"] != nil
            guard needsTools, sampling["tools"]?.objectValue == nil else { return nil }
            return .invalidParams("the client has not declared sampling.tools; ask it without tools and toolChoice")
        case GatewayMethod.elicit:
            guard let elicitation = capabilities["elicitation"]?.objectValue else { return .methodNotFound(method) }
            // A client that names no mode has forms.
            let hasForms = elicitation["form"]?.objectValue != nil || elicitation["url"]?.objectValue == nil
            switch params?["mode"] {
            case nil, "form"?:
                return hasForms
                    ? nil : .invalidParams("the client has declared elicitation.url alone; ask it by mode url")
            case "url"?:
                guard elicitation["url"]?.objectValue == nil else { return nil }
                return .invalidParams("the client has not declared elicitation.url; ask it by a form")
            default: return .invalidParams("elicitation has the modes form and url, and no other")
            }
        case GatewayMethod.listRoots:
            return capabilities["roots"]?.objectValue == nil ? .methodNotFound(method) : nil
        default: return .methodNotFound(method)
        }
    }

    /// Whether the client can be sent to a URL, and told when it is done there.
    var opensURLs: Bool { capabilities["elicitation"]?["url"]?.objectValue != nil }
}
