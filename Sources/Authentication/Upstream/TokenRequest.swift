// SPDX-License-Identifier: Apache-2.0

import HTTP
import NIOCore
import NIOHTTP1
import Values

/// The request for a token, and its answer (RFC 6749, sections 4.4.2, 5.1 and 5.2).
enum TokenRequest {
    /// The most bytes of an answer.
    static let maximumAnswerSize = 64 << 10
    /// How long a token is used whose server does not say how long it is good.
    static let assumedLifetime: Int64 = 300

    /// A token and how long it is good.
    struct Granted: Sendable, Equatable {
        let token: String
        /// In seconds.
        let lifetime: Int64
    }

    static func request(_ credentials: ClientCredentials) -> HTTPClientRequest {
        var form = [("grant_type", "client_credentials")]
        if !credentials.scopes.isEmpty { form.append(("scope", credentials.scopes.joined(separator: " "))) }
        if let resource = credentials.resource { form.append(("resource", resource)) }
        if let audience = credentials.audience { form.append(("audience", audience)) }
        var headers: HTTPHeaders = [
            "content-type": "application/x-www-form-urlencoded", "accept": "application/json",
        ]
        switch credentials.authentication {
        case .basic:
            // Each of the two is form-encoded before they are joined (RFC 6749, section 2.3.1).
            let pair = "\(escape(credentials.clientID)):\(escape(credentials.clientSecret))"
            headers.add(name: "authorization", value: "Basic " + Base64.standard.encode(pair.utf8))
        case .post:
            form.append(("client_id", credentials.clientID))
            form.append(("client_secret", credentials.clientSecret))
        }
        let body = form.map { "\(escape($0.0))=\(escape($0.1))" }.joined(separator: "&")
        // To get a token twice does no harm.
        return HTTPClientRequest(
            method: .POST, address: credentials.endpoint.address, headers: headers, body: ByteBuffer(string: body),
            isIdempotent: true)
    }

    /// Reads an answer.
    ///
    /// - Throws: What is wrong with it, as it follows the name of the endpoint; without secrets.
    static func read(_ status: HTTPResponseStatus, _ body: ByteBuffer) throws(KeyError) -> Granted {
        let answer = try? JSONParser.decode(body.readableBytesView, maximumNesting: 20)
        guard status == .ok else {
            guard let error = answer?["error"]?.stringValue else { throw KeyError("answered with \(status.code)") }
            let description = answer?["error_description"]?.stringValue.map { " (\(plain($0)))" } ?? ""
            throw KeyError(
                "refused with \(status.code) \(plain(error))\(description); check client_id, client_secret and scopes")
        }
        guard let answer, let token = answer["access_token"]?.stringValue else {
            throw KeyError("answered without an access_token; check that it is a token endpoint")
        }
        guard BearerToken.isWellFormed(token[...].utf8), token.utf8.count <= BearerToken.maximumSize else {
            throw KeyError("gave an access_token that is no bearer token (RFC 6750)")
        }
        guard let type = answer["token_type"]?.stringValue, type.lowercased().hasSameBytes(as: "bearer") else {
            throw KeyError("gave a token of another type than Bearer, which is not supported")
        }
        switch answer["expires_in"] {
        case nil, .null: return Granted(token: token, lifetime: assumedLifetime)
        case .int(let seconds) where seconds >= 0: return Granted(token: token, lifetime: min(seconds, 1 << 32))
        // Some servers send it as text.
        case .string(let text):
            guard let seconds = Int64(text), seconds >= 0 else { fallthrough }
            return Granted(token: token, lifetime: min(seconds, 1 << 32))
        default: throw KeyError("gave an expires_in that is no number of seconds")
        }
    }

    /// Text of others, fit for a log: short, printable.
    private static func plain(_ text: String) -> String {
        String(
            decoding: text.utf8.prefix(200).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// Form encoding (`application/x-www-form-urlencoded`), of everything but what never needs it.
    static func escape(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                bytes.append(byte)
            case UInt8(ascii: " "): bytes.append(UInt8(ascii: "+"))
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
