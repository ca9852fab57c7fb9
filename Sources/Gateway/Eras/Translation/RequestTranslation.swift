// SPDX-License-Identifier: Apache-2.0

import Values

/// How the parameters of a request of one era of MCP become those of the other.
enum RequestTranslation {
    /// What each request of 2026-07-28 says about its client; towards an upstream the gateway says it of itself.
    private static let clientMembers = [
        "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities",
        "io.modelcontextprotocol/clientInfo", "io.modelcontextprotocol/logLevel",
    ]

    /// Parameters of a client's request without what belongs to the client's own leg alone.
    ///
    /// - Parameter isModern: Whether the client speaks 2026-07-28; of others nothing of this is looked for, and what they send
    ///   under these names is theirs.
    static func upstream(_ params: Document?, from isModern: Bool) -> Document? {
        guard isModern, var params else { return params }
        for key in ["inputResponses", "requestState"] where params[key] != nil { params = params.setting(key, to: nil) }
        guard let meta = params.document("_meta") else { return params }
        let own = clientMembers.reduce(meta) { $0.setting($1, to: nil) }
        return params.setting("_meta", to: own.value.objectValue?.isEmpty ?? true ? nil : own)
    }
}
