// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The key under which states that clients bring back are sealed.
struct RequestStateKey: Sendable {
    /// How many bytes a code has (HMAC-SHA256).
    static let codeSize = SHA256.byteCount

    private let key: SymmetricKey

    /// A key that only this process has.
    static var random: RequestStateKey { RequestStateKey(SymmetricKey(size: .bits256)) }

    private init(_ key: SymmetricKey) { self.key = key }

    /// The key that several gateways make of a secret they share.
    init(secret: some Sequence<UInt8>) {
        // Used for nothing but states: whoever shares the secret for another purpose makes no states with it.
        var code = HMAC<SHA256>(key: SymmetricKey(data: Array(secret)))
        code.update(data: Array("gatehouse/request-state/1".utf8))
        self.init(SymmetricKey(data: Array(code.finalize())))
    }

    /// The code of some bytes.
    func code(of bytes: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
    }

    /// Whether a code is that of some bytes; takes the same time wherever it differs.
    func confirms(_ code: some Collection<UInt8>, of bytes: [UInt8]) -> Bool {
        let right = self.code(of: bytes)
        return code.count == right.count && zip(code, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
