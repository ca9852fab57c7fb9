// SPDX-License-Identifier: Apache-2.0

/// `auth`, but for its tokens: whose signed tokens are taken, and what clients are told about how to get one.
package struct GatewayAuthenticationSettings: Sendable, Equatable {
    /// `resource`: the public URL that the endpoints lie below, such as `https://gateway.example.com`; nil for to tell clients
    /// nothing about how to get a token.
    package var resource: String?
    /// `required_scopes`: the scopes that every token has to have.
    package var requiredScopes: [String] = []
    /// `issuers`: whose signed tokens are taken.
    package var issuers: [GatewayTokenIssuer] = []

    /// Makes settings without issuers.
    package init() {}
}

/// One of `auth.issuers`: somebody whose signed tokens (JWT) are taken.
package struct GatewayTokenIssuer: Sendable, Equatable {
    /// Where the keys come from.
    package enum Keys: Sendable, Equatable {
        /// `secret`: what the issuer and the gateway share, for HS256.
        case secret(String)
        /// `public_key_file`: one public key, PEM.
        case publicKeyFile(String)
        /// `jwks_file`: a file with a JSON Web Key Set.
        case setFile(String)
        /// `jwks_url`: where the issuer publishes its JSON Web Key Set.
        case setURL(String)
    }

    /// `issuer`: the `iss` of its tokens.
    package var name: String
    /// `audience`: one of these has to be the `aud` of its tokens, or among them.
    package var audiences: [String]
    /// Where its keys come from.
    package var keys: Keys
    /// `key_id`: the name that tokens have to give the one key; nil for any.
    package var keyID: String?
    /// `clock_skew`: how far its clock may be from ours.
    package var clockSkew: Duration = .seconds(30)
    /// `max_lifetime`: how long a token may be good; nil (0 in the file) for any time.
    package var maximumLifetime: Duration?
    /// `jwks_refresh`: how often a set of keys is got again.
    package var refreshInterval: Duration = .seconds(300)
    /// `jwks_min_interval`: the least time between two attempts, whatever keys tokens name.
    package var minimumInterval: Duration = .seconds(30)
    /// `jwks_max_age`: how long keys are used that cannot be got again.
    package var maximumAge: Duration = .seconds(3_600)
    /// `jwks_timeout`: how long an attempt may take.
    package var timeout: Duration = .seconds(5)
    /// `tls`: how a connection to an `https` `jwks_url` is secured; nil for with the system's authorities.
    package var tls: ClientTLSSettings?
    /// `claims`: the names of the claims; those that are nil have their usual names.
    package var claims = ClaimNames()

    /// `claims`: under which names tokens say who it is.
    package struct ClaimNames: Sendable, Equatable {
        /// `subject`, usually `sub`.
        package var subject: String?
        /// `email`, usually `email`.
        package var email: String?
        /// `tenant`, usually `tenant_id`.
        package var tenant: String?
        /// `teams`, usually `teams`.
        package var teams: String?
        /// `scopes`, usually `scope` or else `scp`.
        package var scopes: String?
        /// `admin`, usually `is_admin`.
        package var admin: String?
        /// `servers`: the virtual servers that a token is for; nil for tokens that do not say.
        package var servers: String?

        /// Makes the usual names.
        package init() {}
    }

    /// Makes an issuer with the defaults of everything else.
    package init(name: String, audiences: [String], keys: Keys) {
        self.name = name
        self.audiences = audiences
        self.keys = keys
    }
}

/// `oauth` of one of `mcpServers`: how the gateway gets a token of its own for that server (RFC 6749, section 4.4).
package struct UpstreamOAuth: Sendable, Equatable {
    /// How the gateway says who it is at the token endpoint.
    package enum Method: String, Sendable, CaseIterable {
        /// In the Authorization header.
        case basic
        /// In the form that is sent.
        case post
    }

    /// `token_url`: the token endpoint.
    package var tokenURL: String
    /// `client_id`: who the gateway is there.
    package var clientID: String
    /// `client_secret`: its secret there.
    package var clientSecret: String
    /// `scopes`: what to ask for; empty for what the server gives by default.
    package var scopes: [String] = []
    /// `resource`: the service that the token is for (RFC 8707).
    package var resource: String?
    /// `audience`: the same, as some servers want it.
    package var audience: String?
    /// `auth_method`: how the gateway says who it is.
    package var method: Method = .basic
    /// `timeout`: how long getting a token may take.
    package var timeout: Duration = .seconds(10)
    /// `tls`: how a connection to an `https` ``tokenURL`` is secured; nil for with the system's authorities.
    package var tls: ClientTLSSettings?

    /// Makes settings with the defaults of everything else.
    package init(tokenURL: String, clientID: String, clientSecret: String) {
        self.tokenURL = tokenURL
        self.clientID = clientID
        self.clientSecret = clientSecret
    }
}

/// One of `tool_scopes`: the scopes that calls of some tools need.
package struct ToolScopes: Sendable, Equatable {
    /// The key: names of the server's own tools, as a shell writes patterns (`*`, `?`, `[a-z]`).
    package var pattern: String
    /// The scopes.
    package var scopes: [String]

    /// Makes a rule.
    package init(pattern: String, scopes: [String]) {
        self.pattern = pattern
        self.scopes = scopes
    }
}
