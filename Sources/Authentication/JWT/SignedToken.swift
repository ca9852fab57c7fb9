// SPDX-License-Identifier: Apache-2.0

import Values

/// A JSON Web Token in compact form (RFC 7519, RFC 7515), read strictly and not yet verified.
struct SignedToken {
    /// The most bytes of a header; real ones take under 200.
    static let maximumHeaderSize = 4_096
    /// The longest `kid`.
    static let maximumKeyIDSize = 256

    /// The `alg` of the header.
    let algorithm: SigningAlgorithm
    /// The `kid` of the header.
    let keyID: String?
    /// What the token claims.
    let claims: ValueObject
    /// What was signed: header and claims as they were sent.
    let signedBytes: [UInt8]
    /// The signature.
    let signature: [UInt8]

    /// Whether a text has the form of such a token, so that others need not be taken for broken ones.
    static func looksLikeOne(_ text: String) -> Bool {
        text.utf8.reduce(0) { $1 == UInt8(ascii: ".") ? $0 + 1 : $0 } >= 2
    }

    /// Reads a token.
    ///
    /// - Throws: A refusal with the code `invalid` that says what is wrong with it.
    init(_ text: String) throws(AuthenticationRefusal) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw Self.fault(
                parts.count == 5
                    ? "the token is encrypted, which is not supported; use a signed one"
                    : "the token has \(parts.count) parts instead of 3")
        }
        guard parts[0].count <= Self.maximumHeaderSize else {
            throw Self.fault("the token's header is longer than \(Self.maximumHeaderSize) bytes")
        }
        let header = try Self.object(parts[0], "header")
        algorithm = try Self.algorithm(of: header)
        keyID = try Self.keyID(of: header)
        try Self.checkType(of: header)
        // RFC 7515, section 4.1.11: a token with extensions that its reader does not know must be refused. None are known here.
        guard !header.contains("crit") else {
            throw Self.fault("the token needs extensions (crit) that are not supported")
        }
        // Of RFC 7797, which changes what is signed, and is only allowed together with `crit`.
        guard !header.contains("b64") else {
            throw Self.fault("the token's claims are not encoded (b64), which is not supported")
        }
        claims = try Self.object(parts[1], "claims")
        guard let signature = Base64.url.decode(parts[2]), !signature.isEmpty else {
            throw Self.fault("the token's signature is missing, or no base64url")
        }
        self.signature = signature
        signedBytes = Array(text.utf8[parts[0].startIndex..<parts[1].endIndex])
    }

    private static func object(
        _ part: Substring.UTF8View, _ name: String
    ) throws(AuthenticationRefusal) -> ValueObject {
        guard let bytes = Base64.url.decode(part) else { throw fault("the token's \(name) is no base64url") }
        let value: Value
        do throws(ValueError) {
            value = try JSONParser.decode(bytes, maximumNesting: 20)
        } catch {
            throw fault("the token's \(name) cannot be read: \(error.code)")
        }
        guard let object = value.objectValue else { throw fault("the token's \(name) is no JSON object") }
        return object
    }

    private static func algorithm(of header: ValueObject) throws(AuthenticationRefusal) -> SigningAlgorithm {
        guard case .string(let name)? = header["alg"] else { throw fault("the token's alg is missing or no text") }
        guard let algorithm = SigningAlgorithm.allCases.first(where: { $0.rawValue.hasSameBytes(as: name) }) else {
            let known = SigningAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw fault("the token's alg is not one of \(known)")
        }
        return algorithm
    }

    private static func keyID(of header: ValueObject) throws(AuthenticationRefusal) -> String? {
        switch header["kid"] {
        case nil: return nil
        case .string(let id) where !id.isEmpty && id.utf8.count <= maximumKeyIDSize: return id
        default: throw fault("the token's kid is no text of 1 to \(maximumKeyIDSize) bytes")
        }
    }

    /// Only what may be an access token: a token made for something else must not become one (RFC 8725, section 3.11).
    private static func checkType(of header: ValueObject) throws(AuthenticationRefusal) {
        guard let type = header["typ"] else { return }
        guard case .string(let name) = type,
            ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(where: {
                $0.hasSameBytes(as: name.lowercased())
            })
        else { throw fault("the token's typ says that it is no access token") }
    }

    /// A refusal of a token that is not as it has to be.
    static func fault(_ message: String) -> AuthenticationRefusal {
        AuthenticationRefusal(.invalid, message + "; get a new token from its issuer")
    }
}
