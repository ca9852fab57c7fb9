// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1

/// What the headers of a request say to an endpoint; found once for all requests of a connection with the same head.
final class RequestFacts: Sendable {
    private let endpoint: StreamableHTTPServer
    /// Why nobody is to look at the request: it comes from a page, or under a name, that is not let in; nil when it is.
    let refusal: HTTPRefusal?
    /// Whether the body is said to be JSON.
    let hasJSONBody: Bool
    /// In which forms the client takes an answer.
    let forms: AcceptedForms
    /// `MCP-Protocol-Version`; nil without one.
    let version: String?
    /// The revision that it names; nil for one that is not known, and where the header is there more than once.
    let revision: ProtocolRevision?
    /// Of which era the revision is that the first such header names; nil for one that is not known.
    let era: ProtocolEra?
    /// `Mcp-Session-Id`, if it is there once.
    let sessionID: String?
    /// Whether there is any `Mcp-Session-Id`.
    let namesSession: Bool
    /// What the headers say about the body; nil for a request of the handshake revisions, where nobody asks.
    let claims: HeaderClaims?
    /// What requests with this head have said of themselves.
    let envelopes = EnvelopeMemo()

    private init(_ headers: HTTPHeaders, _ endpoint: StreamableHTTPServer) {
        self.endpoint = endpoint
        refusal = endpoint.settings.origins.refusal(of: headers).map { status, message in
            HTTPRefusal(status: status, error: .invalidRequest(message))
        }
        hasJSONBody = headers.hasJSONBody
        forms = AcceptedForms(headers)
        version = headers.value("mcp-protocol-version")
        let named = version.flatMap { ProtocolRevision($0) }
        revision = headers.count(of: "mcp-protocol-version") == 1 ? named : nil
        era = named?.era
        let session = headers.value("mcp-session-id")
        sessionID = headers.count(of: "mcp-session-id") == 1 ? session : nil
        namesSession = session != nil
        claims = era == .handshake ? nil : HeaderClaims(headers)
    }

    /// The facts of a request to an endpoint.
    static func of(_ request: HTTPServerRequest, to endpoint: StreamableHTTPServer) -> RequestFacts {
        if let notes = request.notes {
            let facts = notes.value { RequestFacts(request.headers, endpoint) }
            if facts.endpoint === endpoint { return facts }
        }
        return RequestFacts(request.headers, endpoint)
    }
}
