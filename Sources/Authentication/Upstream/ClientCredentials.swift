// SPDX-License-Identifier: Apache-2.0

/// How a program gets a token for itself from an authorization server (RFC 6749, section 4.4).
package struct ClientCredentials: Sendable, Equatable {
    /// How the program says who it is (RFC 6749, section 2.3.1).
    package enum Authentication: String, Sendable, CaseIterable {
        /// In the Authorization header.
        case basic
        /// In the form that is sent.
        case post
    }

    /// The token endpoint.
    package var endpoint: SecureAddress
    /// Who the program is there.
    package var clientID: String
    /// Its secret there.
    package var clientSecret: String
    /// How it says so.
    package var authentication: Authentication = .basic
    /// The scopes to ask for; empty for what the server gives by default.
    package var scopes: [String] = []
    /// The service that the token is for (`resource`, RFC 8707); nil to leave that to the server.
    package var resource: String?
    /// The service that the token is for, as some servers want it (`audience`).
    package var audience: String?
    /// How long getting a token may take.
    ///
    /// 10 seconds by default.
    package var timeout: Duration = .seconds(10)

    /// Describes a program.
    package init(endpoint: SecureAddress, clientID: String, clientSecret: String) {
        self.endpoint = endpoint
        self.clientID = clientID
        self.clientSecret = clientSecret
    }
}
