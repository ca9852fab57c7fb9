// SPDX-License-Identifier: Apache-2.0

internal import Values

/// How clients and servers of a revision come together.
package enum ProtocolEra: Sendable, Hashable {
    /// The client begins a session with `initialize` (up to 2025-11-25).
    case handshake
    /// Each request stands alone and says in its `_meta` what it needs (from 2026-07-28).
    case modern
}

/// A revision of MCP.
package struct ProtocolRevision: Sendable, Hashable {
    private enum Wrapped: Int, CaseIterable {
        case v2024_11_05, v2025_03_26, v2025_06_18, v2025_11_25, v2026_07_28
    }
    private let wrapped: Wrapped

    /// The first revision.
    package static let v2024_11_05 = ProtocolRevision(wrapped: .v2024_11_05)
    /// Streamable HTTP, batches, completions, tool annotations.
    package static let v2025_03_26 = ProtocolRevision(wrapped: .v2025_03_26)
    /// No batches; the version header, elicitation, structured content.
    package static let v2025_06_18 = ProtocolRevision(wrapped: .v2025_06_18)
    /// Icons, tasks, elicitation by URL.
    package static let v2025_11_25 = ProtocolRevision(wrapped: .v2025_11_25)

    /// No sessions: requests that stand alone, `server/discover`, `subscriptions/listen`, results that ask for input.
    package static let v2026_07_28 = ProtocolRevision(wrapped: .v2026_07_28)

    /// The newest of those that begin with `initialize`.
    package static let latestHandshake = v2025_11_25
    /// The newest of those without.
    package static let latestModern = v2026_07_28
    /// All of them, oldest first.
    package static let all = Wrapped.allCases.map { ProtocolRevision(wrapped: $0) }
    /// Those that begin with `initialize`, oldest first.
    package static let handshake = all.filter { $0.era == .handshake }
    /// What an HTTP request without a version header and without a session is taken for (MCP 2025-11-25, Transports).
    package static let assumedWithoutHeader = v2025_03_26

    private init(wrapped: Wrapped) {
        self.wrapped = wrapped
    }

    /// The revision with this name; nil for one that we do not speak.
    package init?(_ name: String) {
        guard let found = Self.all.first(where: { $0.name.hasSameBytes(as: name) }) else { return nil }
        self = found
    }

    /// The revision's name in messages, its date: "2025-06-18".
    package var name: String {
        switch wrapped {
        case .v2024_11_05: "2024-11-05"
        case .v2025_03_26: "2025-03-26"
        case .v2025_06_18: "2025-06-18"
        case .v2025_11_25: "2025-11-25"
        case .v2026_07_28: "2026-07-28"
        }
    }

    /// How it begins.
    package var era: ProtocolEra { wrapped == .v2026_07_28 ? .modern : .handshake }

    /// What a server answers a client that asks for a revision with `initialize`: the same one if it is spoken and begins so, else
    /// the latest that does (MCP, Lifecycle).
    package static func negotiated(for requested: String) -> ProtocolRevision {
        guard let revision = ProtocolRevision(requested), revision.era == .handshake else { return latestHandshake }
        return revision
    }

    /// Whether a message may be an array of messages.
    package var allowsBatches: Bool { self == .v2025_03_26 }

    /// Whether a stream begins with an event without data, which earlier clients do not expect (MCP 2025-11-25, Sending Messages).
    package var primesStreams: Bool { self >= .v2025_11_25 }

    /// Whether HTTP clients send `MCP-Protocol-Version`.
    package var hasVersionHeader: Bool { self >= .v2025_06_18 }
}

extension ProtocolRevision: Comparable {
    /// Earlier revisions are less.
    package static func < (lhs: ProtocolRevision, rhs: ProtocolRevision) -> Bool {
        lhs.wrapped.rawValue < rhs.wrapped.rawValue
    }
}

extension ProtocolRevision: CustomStringConvertible {
    /// The revision's name.
    package var description: String { name }
}
