// SPDX-License-Identifier: Apache-2.0

public import Values

/// Which values are secrets, and how they are shown.
///
/// Secret are values whose key looks so (`password`, `apiKey`, `db.token`, …) or is listed, all that lies below such a key,
/// and values that came from the environment. Truth values and nulls tell nothing and are shown.
public struct SecretMask: Sendable {
    /// What is shown in a secret's place; its length says nothing about the secret's.
    public static let replacement = "********"

    private let listed: [String]

    /// Makes a mask that knows further secret keys, compared without regard to case, `-` and `_`.
    public init(secretKeys: [String] = []) {
        listed = secretKeys.map { Self.words(of: $0).joined() }
    }

    /// Whether the value under this key is to be hidden, as far as the key tells.
    public func isSecret(key: String) -> Bool {
        isListed(key) || Self.looksSecret(Self.words(of: key))
    }

    private func isListed(_ key: String) -> Bool {
        let name = Self.words(of: key).joined()
        return listed.contains { $0.hasSameBytes(as: name) }
    }

    private static func looksSecret(_ words: [String]) -> Bool {
        if harmlessLastWords.contains(words.last ?? "") { return false }
        if words.contains(where: { secretWords.contains($0) }) { return true }
        if words == ["key"] || words == ["keys"] { return true }
        return zip(words, words.dropFirst()).contains { first, second in
            (second == "key" || second == "keys") && keyOwners.contains(first)
        }
    }

    /// The value with its secrets replaced.
    ///
    /// - Parameters:
    ///   - value: What is to be shown.
    ///   - paths: Places within it that are secret whatever their key, parts joined by dots.
    public func masking(_ value: Value, secretPaths paths: [String] = []) -> Value {
        masking(value, path: "", paths: Set(paths), isSecret: false)
    }

    private func masking(_ value: Value, path: String, paths: Set<String>, isSecret: Bool) -> Value {
        switch value {
        case .null, .bool:
            return value
        case .int, .double:
            return isSecret ? .string(Self.replacement) : value
        case .string(let text):
            return .string(isSecret ? Self.replacement : Self.maskingUserInfo(of: text))
        case .array(let elements):
            return .array(
                elements.enumerated().map { index, element in
                    let path = path.isEmpty ? "\(index)" : "\(path).\(index)"
                    return masking(element, path: path, paths: paths, isSecret: isSecret || paths.contains(path))
                })
        case .object(let members):
            return .object(
                ValueObject(
                    members.map { member in
                        let path = path.isEmpty ? member.key : "\(path).\(member.key)"
                        let hides = isSecret || paths.contains(path) || hides(member.value, under: member.key)
                        return (member.key, masking(member.value, path: path, paths: paths, isSecret: hides))
                    }))
        }
    }

    /// The value with everything in it replaced but truth values and nulls.
    public func hiding(_ value: Value) -> Value {
        masking(value, path: "", paths: [], isSecret: true)
    }

    /// Whether a member is secret: a number that measures (`max_tokens`) is not.
    public func hides(_ value: Value, under key: String) -> Bool {
        guard isSecret(key: key) else { return false }
        return switch value {
        case .int, .double: isListed(key) || !Self.words(of: key).contains { Self.measures.contains($0) }
        default: true
        }
    }

    /// The text with the password of a URL's user (`redis://user:password@host`) replaced.
    static func maskingUserInfo(of text: String) -> String {
        let bytes = Array(text.utf8)
        guard let scheme = firstIndex(of: "://", in: bytes) else { return text }
        let start = scheme + 3
        let end = bytes[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? bytes.count
        guard let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")),
            let colon = bytes[start..<at].firstIndex(of: UInt8(ascii: ":"))
        else { return text }
        return String(decoding: bytes[...colon], as: UTF8.self) + replacement
            + String(decoding: bytes[at...], as: UTF8.self)
    }

    private static func firstIndex(of pattern: String, in bytes: [UInt8]) -> Int? {
        let pattern = Array(pattern.utf8)
        guard bytes.count >= pattern.count else { return nil }
        return (0...(bytes.count - pattern.count)).first { bytes[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }

    /// The words of a key in lower case: `apiKey`, `API_KEY` and `api-key` are all "api", "key".
    private static func words(of key: String) -> [String] {
        key.snakeCased.split { !$0.isLetter && !$0.isNumber }.map { $0.lowercased() }
    }

    private static let secretWords: Set<String> = [
        "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "secret", "secrets", "token", "tokens",
        "credential", "credentials", "apikey", "apikeys", "privatekey", "authorization", "bearer", "jwt", "cookie",
        "cookies", "salt", "pin",
    ]
    private static let keyOwners: Set<String> = [
        "api", "access", "private", "secret", "signing", "encryption", "encrypt", "master", "auth", "shared", "account",
        "client", "hmac", "license", "session", "ssh", "jwt", "aes", "subscription", "service", "aws", "azure",
        "openai",
    ]
    /// A key that ends so tells about a secret, and is none: `token_file`, `secret_name`.
    private static let harmlessLastWords: Set<String> = [
        "file", "path", "name", "type", "url", "uri", "env", "strategy", "pattern", "patterns",
    ]
    private static let measures: Set<String> = [
        "max", "min", "limit", "count", "size", "length", "ttl", "timeout", "seconds", "ms", "per", "window",
        "interval",
        "budget", "num", "number",
    ]
}
