// SPDX-License-Identifier: Apache-2.0

package import HTTP

/// Decides who may use an endpoint, before anything of a request but its head is looked at.
package protocol MCPAdmission: Sendable {
    /// Lets a request in, or refuses it.
    func admit(_ request: HTTPServerRequest) async -> MCPAdmissionDecision
}

/// What an admission says.
package enum MCPAdmissionDecision: Sendable {
    /// The request comes in, from this principal.
    ///
    /// A session belongs to the principal that began it; to others it does not exist.
    case allow(MCPPrincipal?)
    /// The request is answered with this.
    case refuse(HTTPServerResponse)
}
