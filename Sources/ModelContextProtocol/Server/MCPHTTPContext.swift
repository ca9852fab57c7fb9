// SPDX-License-Identifier: Apache-2.0

package import HTTP

/// The HTTP request that a call came in.
package struct MCPHTTPContext: Sendable {
    /// The request.
    package let request: HTTPServerRequest
    /// Who sends it, as the admission found; nil without one.
    package let principal: MCPPrincipal?

    /// Makes a context.
    package init(request: HTTPServerRequest, principal: MCPPrincipal? = nil) {
        self.request = request
        self.principal = principal
    }
}

/// Who is at the other end, as whoever checks credentials knows them.
package struct MCPPrincipal: Sendable {
    /// What tells this principal from all others.
    package var identity: String
    /// What else is known, for the application.
    package var details: (any AnyObject & Sendable)?

    /// Makes a principal.
    package init(identity: String, details: (any AnyObject & Sendable)? = nil) {
        self.identity = identity
        self.details = details
    }
}
