// SPDX-License-Identifier: Apache-2.0

/// The hash of the strategy `hash`: 16 hexadecimal digits of HMAC-SHA-256 under a key that nobody knows.
///
/// A bare hash of a social security number is no secret: there are only 10^9 of them to try. The key is random and dies
/// with the process, so equal values can be told equal within one run of the server and nowhere else.
struct PIIHash: Sendable {
    private let key: [UInt8]

    /// The one of this process.
    static let shared = PIIHash(key: randomKey())

    init(key: [UInt8]) { self.key = key }

    func hash(_ value: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let bytes = SHA256.authenticate(Array(value.utf8), key: key).prefix(8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func randomKey() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
