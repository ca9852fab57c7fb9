// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// How the parameters of a request of one era of MCP become those of the other.
enum RequestTranslation {
    /// Parameters of a client's request without what belongs to the client's own leg alone: what it says about itself, which the gateway
    /// says of itself towards an upstream, and what it brings to an earlier result.
    ///
    /// - Parameters:
    ///   - envelope: Nil for a client of the earlier revisions: nothing of this is looked for, and what it sends under these names is its.
    ///   - bringsInput: Whether there may be `inputResponses` or `requestState`.
    static func upstream(_ params: Document?, _ envelope: MCPRequestEnvelope?, bringsInput: Bool) -> Document? {
        guard let envelope, let params else { return params }
        let rest = params.dropping(bringsInput ? ["_meta", "inputResponses", "requestState"] : ["_meta"])
        return envelope.further.map { rest.adding([("_meta", $0)]) } ?? rest
    }
}
