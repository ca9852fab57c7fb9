// SPDX-License-Identifier: Apache-2.0

package import Values

/// A result that asks for input before there is another (MCP 2026-07-28, `resultType` "input_required").
///
/// The client answers the requests and makes its own request again, under a new id, with `inputResponses` and the same
/// `requestState`. Only `tools/call`, `prompts/get` and `resources/read` may be answered so.
package struct MCPInputRequired: Sendable {
    /// One thing that is asked of the client.
    package struct Request: Sendable {
        /// The key of its answer among the responses.
        package var key: String
        /// What is asked for: `elicitation/create`, `sampling/createMessage` or `roots/list`.
        package var method: String
        /// Its parameters; nil without any.
        package var params: Document?

        /// Makes a request.
        package init(key: String, method: String, params: Document?) {
            self.key = key
            self.method = method
            self.params = params
        }
    }

    /// What is asked, in order; empty when the client is only to come back.
    package var requests: [Request]
    /// What the client is to send back as it is; nil for nothing.
    package var state: String?

    /// Makes a result; one of the two must be there.
    package init(requests: [Request], state: String?) {
        self.requests = requests
        self.state = state
    }

    /// The value of `resultType` of such results.
    package static let resultType = "input_required"

    /// Whether a request may be answered so.
    package static func isAllowed(for method: String) -> Bool {
        method.hasSameBytes(as: MCPMethod.callTool) || method.hasSameBytes(as: MCPMethod.getPrompt)
            || method.hasSameBytes(as: MCPMethod.readResource)
    }

    /// The result object.
    package var result: Document {
        var object: ValueObject = ["resultType": .string(Self.resultType)]
        if !requests.isEmpty {
            var asked: ValueObject = [:]
            for request in requests {
                var entry: ValueObject = ["method": .string(request.method)]
                if let params = request.params { entry["params"] = params.value }
                asked[request.key] = .object(entry)
            }
            object["inputRequests"] = .object(asked)
        }
        if let state { object["requestState"] = .string(state) }
        return Document(object: object)
    }
}

extension MCPInputRequired {
    /// Reads a result; nil when it is one of another type.
    ///
    /// - Throws: what is wrong with it, in a sentence.
    package init?(_ result: Document) throws(JSONRPCError) {
        guard case .string(let type) = result["resultType"], type.hasSameBytes(as: Self.resultType) else { return nil }
        requests = []
        switch result["requestState"] {
        case .none, .some(.null): state = nil
        case .some(.string(let text)): state = text
        default: throw .internalError("the result's requestState must be a string")
        }
        if let asked = result.document("inputRequests"), !asked.value.isNull {
            guard case .object(let asked) = asked.value else {
                throw .internalError("the result's inputRequests must be an object")
            }
            for member in asked {
                guard case .string(let method) = member.value["method"] else {
                    throw .internalError("the result's inputRequests.\(member.key) has no method")
                }
                let params = member.value["params"].map { Document($0) }
                requests.append(Request(key: member.key, method: method, params: params))
            }
        }
        guard !requests.isEmpty || state != nil else {
            throw .internalError("the result asks for input, and has neither inputRequests nor requestState")
        }
    }

    /// What a client must have declared for these requests, and has not; nil when it has declared all.
    package func missingCapabilities(_ declared: ValueObject) -> ValueObject? {
        var missing: ValueObject = [:]
        for request in requests {
            if request.method.hasSameBytes(as: "sampling/createMessage") {
                if declared["sampling"]?.objectValue == nil { missing["sampling"] = [:] }
            } else if request.method.hasSameBytes(as: "roots/list") {
                if declared["roots"]?.objectValue == nil { missing["roots"] = [:] }
            } else if request.method.hasSameBytes(as: "elicitation/create") {
                let isURL = request.params?["mode"]?.stringValue?.hasSameBytes(as: "url") == true
                guard !Self.canElicit(declared["elicitation"]?.objectValue, byURL: isURL) else { continue }
                var modes = missing["elicitation"]?.objectValue ?? [:]
                modes[isURL ? "url" : "form"] = [:]
                missing["elicitation"] = .object(modes)
            }
        }
        return missing.isEmpty ? nil : missing
    }

    /// An empty declaration stands for forms (MCP, Elicitation).
    private static func canElicit(_ declared: ValueObject?, byURL isURL: Bool) -> Bool {
        guard let declared else { return false }
        return isURL ? declared["url"] != nil : declared["form"] != nil || declared["url"] == nil
    }
}
