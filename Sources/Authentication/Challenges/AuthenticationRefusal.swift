// SPDX-License-Identifier: Apache-2.0

/// Why a request is not let in, with what HTTP answers (RFC 6750, section 3).
package struct AuthenticationRefusal: Error, Sendable, Equatable {
    /// What kind of refusal it is.
    package struct Code: Sendable, Equatable, CustomStringConvertible {
        private enum Wrapped: String { case missing, malformed, invalid, expired, insufficientScope, unavailable }
        private let wrapped: Wrapped

        /// No token was given.
        package static let missing = Code(wrapped: .missing)
        /// The request cannot be understood: two tokens, a token in the URL, text that is no token.
        package static let malformed = Code(wrapped: .malformed)
        /// The token is not taken.
        package static let invalid = Code(wrapped: .invalid)
        /// The token was good once.
        package static let expired = Code(wrapped: .expired)
        /// The token is good and does not reach so far.
        package static let insufficientScope = Code(wrapped: .insufficientScope)
        /// The token cannot be judged now, because what is needed for it cannot be had.
        package static let unavailable = Code(wrapped: .unavailable)

        /// The code's name.
        package var description: String { wrapped.rawValue }

        /// 400, 401, 403 or 503.
        package var status: Int {
            switch wrapped {
            case .missing, .invalid, .expired: 401
            case .malformed: 400
            case .insufficientScope: 403
            case .unavailable: 503
            }
        }

        /// The `error` of a challenge; nil where there is none: who gave no token made no mistake (RFC 6750, section 3.1).
        var challengeError: String? {
            switch wrapped {
            case .missing, .unavailable: nil
            case .malformed: "invalid_request"
            case .invalid, .expired: "invalid_token"
            case .insufficientScope: "insufficient_scope"
            }
        }
    }

    /// What kind of refusal it is.
    package let code: Code
    /// What the client is told: what is wrong, and what to do; without secrets.
    package let message: String
    /// What the log is told beyond that; without secrets.
    package let detail: String?
    /// The scopes that are needed, for ``Code/insufficientScope`` and as advice for ``Code/missing``.
    package let scopes: [String]

    /// Makes a refusal.
    package init(_ code: Code, _ message: String, detail: String? = nil, scopes: [String] = []) {
        self.code = code
        self.message = message
        self.detail = detail
        self.scopes = scopes
    }

    /// 400, 401, 403 or 503.
    package var status: Int { code.status }

    /// The same, with advice which scopes a token should have, if what is missing is a good token.
    package func advising(_ scopes: [String]) -> AuthenticationRefusal {
        status == 401 ? AuthenticationRefusal(code, message, detail: detail, scopes: scopes) : self
    }

    /// The value of the answer's `WWW-Authenticate` header; nil for a refusal that has none.
    ///
    /// - Parameter metadata: The URL of the resource's metadata (RFC 9728, section 5.1), if it has any.
    package func challenge(resourceMetadata metadata: String?) -> String? {
        guard code != .unavailable else { return nil }
        var parameters: [(String, String)] = []
        if let error = code.challengeError {
            parameters.append(("error", error))
            parameters.append(("error_description", message))
        }
        if !scopes.isEmpty { parameters.append(("scope", scopes.joined(separator: " "))) }
        if let metadata { parameters.append(("resource_metadata", metadata)) }
        guard !parameters.isEmpty else { return "Bearer" }
        return "Bearer " + parameters.map { "\($0)=\"\(Self.quotable($1))\"" }.joined(separator: ", ")
    }

    /// The text without what may not stand between quotes there (RFC 6750, section 3: printable ASCII but `"` and `\`).
    private static func quotable(_ text: String) -> String {
        String(
            decoding: text.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "'")
                case 0x20...0x7E: byte
                default: UInt8(ascii: "?")
                }
            }, as: UTF8.self)
    }
}
