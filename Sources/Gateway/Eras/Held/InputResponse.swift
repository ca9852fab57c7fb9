// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// What a client of 2026-07-28 answers to one of the things it was asked.
enum InputResponse {
    /// What is wrong with an answer to a request; nil when it is one.
    static func fault(in answer: Value, to request: MCPInputRequired.Request) -> String? {
        guard answer.objectValue != nil else { return "must be an object" }
        switch request.method {
        case GatewayMethod.elicit:
            guard let action = answer["action"]?.stringValue, ["accept", "decline", "cancel"].contains(action) else {
                return "must have action, one of accept, decline and cancel"
            }
            let content = answer["content"]
            return content == nil || content?.isNull == true || content?.objectValue != nil
                ? nil : "must have an object as content, or none"
        case GatewayMethod.sample:
            return answer["role"]?.stringValue != nil && answer["content"] != nil && answer["model"]?.stringValue != nil
                ? nil : "must have role, content and model"
        case GatewayMethod.listRoots:
            return answer["roots"]?.arrayValue != nil ? nil : "must have roots, a list"
        default:
            return nil
        }
    }
}
