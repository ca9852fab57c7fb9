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
        var usual = [Optional<MCPLogLevel>.none: Self.json(meta)]
        for level in MCPLogLevel.allCases {
            meta[MCPMetaKey.logLevel] = .string(level.rawValue)
            usual[level] = Self.json(meta)
        }
        self.usual = usual
    }

    private static func json(_ object: ValueObject) -> Document {
        // What JSON cannot say is written as null with each request.
        (try? Document(checkingJSON: JSONWriter.encode(.object(object)))) ?? Document(object: object)
    }

    /// The parameters of a request; what they say in members of `_meta` that are the client's own is replaced.
    ///
    /// - Parameter progressToken: the token to take the place of whoever asks; nil to have none.
    func stamped(_ params: Document?, _ options: MCPRequestOptions, progressToken: Int64?) -> Document {
        let params = params ?? Document(object: [:])
        let given = params.document("_meta")
        let capabilities = options.clientCapabilities ?? capabilities
        if given == nil, progressToken == nil, capabilities == self.capabilities, let meta = usual[options.logLevel] {
            return params.setting("_meta", to: meta)
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
