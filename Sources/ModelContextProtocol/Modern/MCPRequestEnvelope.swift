// SPDX-License-Identifier: Apache-2.0

package import Values

/// What a request of revision 2026-07-28 says of itself and of its client, in its `_meta`.
///
/// It holds for this request alone: nothing is to be inferred from requests before it.
package struct MCPRequestEnvelope: Sendable {
    /// The revision it speaks.
    package let revision: ProtocolRevision
    /// `_meta` as it came.
    package let meta: Document
    /// `_meta` without what each request says of its client, where that was found beforehand.
    private let rest: Document?

    private static let ownMembers = [
        MCPMetaKey.protocolVersion, MCPMetaKey.clientCapabilities, MCPMetaKey.clientInfo, MCPMetaKey.logLevel,
    ]

    /// Makes an envelope.
    ///
    /// - Parameter isForMany: whether many requests will have it, so that what they may want to know is found now.
    package init(revision: ProtocolRevision, meta: Document, isForMany: Bool = false) {
        self.revision = revision
        self.meta = meta
        rest = isForMany ? meta.dropping(Self.ownMembers) : Optional<Document>.none
    }

    /// What `_meta` has besides that which each request says of its client, for whoever asks somebody else on its behalf; nil for nothing.
    package var further: Document? {
        let rest = rest ?? meta.dropping(Self.ownMembers)
        return rest.hasMembers ? rest : Optional<Document>.none
    }

    /// What the client can do for the server.
    package var clientCapabilities: ValueObject { meta[MCPMetaKey.clientCapabilities]?.objectValue ?? [:] }

    /// The client's name and version, and whatever else it tells; empty when it does not tell.
    package var clientInfo: ValueObject { meta[MCPMetaKey.clientInfo]?.objectValue ?? [:] }

    /// From which level on the client wants log messages; nil when it wants none.
    package var logLevel: MCPLogLevel? {
        meta[MCPMetaKey.logLevel]?.stringValue.flatMap(MCPLogLevel.init(rawValue:))
    }
}

/// The levels of MCP's log messages, those of RFC 5424, from the least urgent to the most.
package enum MCPLogLevel: String, Sendable, CaseIterable, Comparable {
    case debug, info, notice, warning, error, critical, alert, emergency

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .notice: 2
        case .warning: 3
        case .error: 4
        case .critical: 5
        case .alert: 6
        case .emergency: 7
        }
    }

    /// Less urgent levels are less.
    package static func < (left: MCPLogLevel, right: MCPLogLevel) -> Bool { left.rank < right.rank }
}
