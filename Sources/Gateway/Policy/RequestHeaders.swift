// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Values

/// A client's headers as plugins see them.
enum RequestHeaders {
    /// What a header's name holds that carries a secret: only `http_auth_*` hooks get those, and plugins that ask for them.
    private static let secretParts: [StaticString] = [
        "auth", "cookie", "token", "key", "secret", "session", "password", "credential",
    ]

    /// Which headers a payload has.
    enum Selection {
        /// Those that carry no secrets.
        case open
        /// Those that carry secrets.
        case secret
        /// All.
        case all
    }

    /// Names in lower case to values; of a name that comes several times the values joined, as RFC 9110 (section 5.2) allows.
    static func payload(_ headers: HTTPHeaders, _ selection: Selection = .open) -> ValueObject {
        var payload: ValueObject = [:]
        for (name, value) in headers {
            let name = name.lowercased()
            switch selection {
            case .open where isSecret(name): continue
            case .secret where !isSecret(name): continue
            case .open, .secret, .all: break
            }
            if case .string(let known)? = payload[name] {
                payload[name] = .string("\(known), \(value)")
            } else {
                payload[name] = .string(value)
            }
        }
        return payload
    }

    /// Headers that plugins set, which go to the upstream; those that only came from the client do not.
    ///
    /// What keeps the connection and the session together is left alone.
    static func added(_ changed: Value?, to given: ValueObject) -> [(name: String, value: String)] {
        (changed?.objectValue ?? [:]).compactMap { member in
            let name = member.key.lowercased()
            guard let value = member.value.stringValue, given[name] != member.value, isToken(name), isText(value),
                !own.contains(where: { $0.hasSameBytes(as: name) })
            else { return nil }
            return (name, value)
        }
    }

    /// Whether a plugin may set a header of an answer: not what keeps the connection and the session together.
    static func mayAnswer(_ name: String) -> Bool {
        let name = name.lowercased()
        return !ofAnswers.contains { $0.hasSameBytes(as: name) }
    }

    private static let ofAnswers = [
        "content-type", "content-length", "transfer-encoding", "connection", "mcp-session-id", "mcp-protocol-version",
    ]

    private static let own = [
        "host", "content-length", "content-type", "transfer-encoding", "connection", "accept", "mcp-session-id",
        "mcp-protocol-version", "last-event-id", "te", "upgrade", "expect",
    ]

    /// RFC 9110, section 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                ($0 | 0x20) &- UInt8(ascii: "a") < 26 || $0 &- UInt8(ascii: "0") < 10
                    || "!#$%&'*+-.^_`|~".utf8.contains($0)
            }
    }

    /// RFC 9110, section 5.5.
    private static func isText(_ value: String) -> Bool {
        value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    /// Whether a header carries a secret, as far as its name tells.
    ///
    /// - Parameter name: In lower case.
    static func isSecret(_ name: String) -> Bool {
        var name = name
        return name.withUTF8 { bytes in secretParts.contains { bytes.mayContain($0) } }
    }
}
