// SPDX-License-Identifier: Apache-2.0

import Crypto
import Values

/// What a sealed state is good for: one principal, one virtual server, one request with the parameters it had.
struct RequestBinding: Sendable, Equatable {
    /// A digest of all of it.
    let digest: [UInt8]

    /// Binds to a request.
    ///
    /// The parameters are compared as values: a client may write them in another order when it sends them again. What differs
    /// between the rounds of one request, `_meta`, `requestState` and `inputResponses`, is no part of them.
    ///
    /// - Parameters:
    ///   - principal: Who makes it; nil for who need not say.
    ///   - server: The virtual server; nil for the one that has everything.
    init(principal: String?, server: String?, method: String, params: Value) {
        var digest = ValueDigest()
        digest.add(principal.map { .string($0) } ?? .null)
        digest.add(server.map { .string($0) } ?? .null)
        digest.add(.string(method))
        var subject: ValueObject = [:]
        for key in ["name", "uri", "arguments"] { subject[key] = params[key] }
        digest.add(.object(subject))
        self.digest = digest.finish()
    }
}

/// A digest of values that is the same for equal ones, whatever the order of the members of their objects.
private struct ValueDigest {
    private var hash = SHA256()

    mutating func add(_ value: Value) {
        switch value {
        case .null: tag("n")
        case .bool(let flag): tag(flag ? "t" : "f")
        case .int(let number):
            tag("i")
            add(UInt64(bitPattern: number))
        case .double(let number):
            tag("d")
            add(number.bitPattern)
        case .string(let text):
            tag("s")
            add(text)
        case .array(let elements):
            tag("a")
            add(UInt64(elements.count))
            for element in elements { add(element) }
        case .object(let object):
            tag("o")
            add(UInt64(object.count))
            for member in object.sorted(by: { $0.key.precedesInBytes($1.key) }) {
                add(member.key)
                add(member.value)
            }
        }
    }

    func finish() -> [UInt8] { Array(hash.finalize()) }

    private mutating func tag(_ letter: Unicode.Scalar) { hash.update(data: [UInt8(ascii: letter)]) }

    private mutating func add(_ number: UInt64) { hash.update(data: number.bigEndianBytes) }

    /// With its length in front, so that no text can reach into what follows.
    private mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        hash.update(data: Array(text.utf8))
    }
}

extension UInt64 {
    /// Its bytes, the highest first.
    var bigEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (56 - 8 * UInt64($0))) } }

    /// The number that eight bytes are, the highest first.
    init(bigEndian bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
