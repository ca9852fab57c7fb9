// SPDX-License-Identifier: Apache-2.0

internal import Values

/// What a client says in the `_meta` of each of its requests of revision 2026-07-28.
struct ClientEnvelope: Sendable {
    private let version: Document
    private let capabilities: Document
    private let info: Document

    init(_ revision: ProtocolRevision, info: ValueObject, capabilities: ValueObject) {
        version = Document(.string(revision.name))
        self.capabilities = Document(object: capabilities)
        self.info = Document(object: info)
    }

    /// The parameters of a request; what they say in members of `_meta` that are the client's own is replaced.
    ///
    /// - Parameter progressToken: the token to take the place of whoever asks; nil to have none.
    func stamped(_ params: Document?, _ options: MCPRequestOptions, progressToken: Int64?) -> Document {
        let params = params ?? Document(object: [:])
        var meta = params.document("_meta") ?? Document(object: [:])
        if !meta.isObject { meta = Document(object: [:]) }
        var changes: [(key: String, value: Document?)] = [
            (MCPMetaKey.protocolVersion, version),
            (MCPMetaKey.clientCapabilities, options.clientCapabilities.map { Document(object: $0) } ?? capabilities),
            (MCPMetaKey.clientInfo, info),
            (MCPMetaKey.logLevel, options.logLevel.map { Document(.string($0.rawValue)) }),
        ]
        if let progressToken { changes.append(("progressToken", Document(.int(progressToken)))) }
        return params.setting("_meta", to: meta.setting(changes))
    }
}
