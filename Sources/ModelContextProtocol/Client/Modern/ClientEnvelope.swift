// SPDX-License-Identifier: Apache-2.0

internal import Values

/// What a client says in the `_meta` of each of its requests of revision 2026-07-28.
struct ClientEnvelope: Sendable {
    private let version: Document
    private let capabilities: ValueObject
    private let info: Document
    /// What nearly all requests say, as JSON, by the level of log messages that they want.
    private let usual: [MCPLogLevel?: Document]

    init(_ revision: ProtocolRevision, info: ValueObject, capabilities: ValueObject) {
        version = Document(.string(revision.name))
        self.capabilities = capabilities
        self.info = Document(object: info)
        var meta: ValueObject = [
            MCPMetaKey.protocolVersion: .string(revision.name), MCPMetaKey.clientCapabilities: .object(capabilities),
            MCPMetaKey.clientInfo: .object(info),
        ]
        var usual = [Optional<MCPLogLevel>.none: Document(object: meta).asJSON]
        for level in MCPLogLevel.allCases {
            meta[MCPMetaKey.logLevel] = .string(level.rawValue)
            usual[level] = Document(object: meta).asJSON
        }
        self.usual = usual
    }

    /// The parameters of a request; what they say in members of `_meta` that are the client's own is replaced.
    ///
    /// - Parameters:
    ///   - given: their `_meta`; nil without.
    ///   - progressToken: the token to take the place of whoever asks; nil to have none.
    func stamped(
        _ params: Document?, _ given: Document?, _ options: MCPRequestOptions, progressToken: Int64?
    ) -> Document {
        let params = params ?? Document(object: [:])
        let capabilities = options.clientCapabilities ?? capabilities
        if given == nil, progressToken == nil, capabilities == self.capabilities, let meta = usual[options.logLevel] {
            return params.adding([("_meta", meta)])
        }
        var meta = given ?? Document(object: [:])
        if !meta.isObject { meta = Document(object: [:]) }
        var changes: [(key: String, value: Document?)] = [
            (MCPMetaKey.protocolVersion, version),
            (MCPMetaKey.clientCapabilities, Document(object: capabilities)),
            (MCPMetaKey.clientInfo, info),
            (MCPMetaKey.logLevel, options.logLevel.map { Document(.string($0.rawValue)) }),
        ]
        if let progressToken { changes.append(("progressToken", Document(.int(progressToken)))) }
        return params.setting("_meta", to: meta.setting(changes))
    }
}
