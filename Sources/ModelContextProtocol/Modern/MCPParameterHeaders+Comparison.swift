// SPDX-License-Identifier: Apache-2.0

internal import NIOHTTP1
internal import Values

extension MCPParameterHeaders {
    /// What is wrong with a call's headers beside its arguments; nil when they say the same.
    ///
    /// A header without its argument is refused as well: somebody on the way has acted on what the body does not say.
    func mismatch(_ headers: HTTPHeaders, _ arguments: Document?) -> String? {
        for parameter in parameters {
            let name = parameter.header
            let argument = parameter.path.joined(separator: ".")
            let values = headers[name]
            guard values.count < 2 else { return "the header \(name) is there more than once" }
            let value = parameter.value(in: arguments)
            guard let value, let text = Self.text(value) else {
                if values.isEmpty { continue }
                return value == nil
                    ? "the header \(name) is there, and the argument \(argument) is not"
                    : "the header \(name) cannot say what the argument \(argument) says"
            }
            guard let header = values.first else {
                return "the argument \(argument) is there, and its header \(name) is not"
            }
            guard let decoded = HeaderValue.decode(header) else {
                return "the header \(name) is not coded as =?base64?...?= has it"
            }
            guard decoded.hasSameBytes(as: text) || Self.isSameNumber(parameter.kind, value, decoded) else {
                return "the header \(name) and the argument \(argument) differ"
            }
        }
        return nil
    }

    /// Whether a header is another spelling of a whole number: `42.0` of `42`.
    private static func isSameNumber(_ kind: Kind, _ value: Value, _ header: String) -> Bool {
        guard kind == .integer else { return false }
        let number: Int64
        switch value {
        case .int(let exact): number = exact
        case .double(let double):
            guard let whole = Int64(exactly: double) else { return false }
            number = whole
        default: return false
        }
        let parts = header.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 == UInt8(ascii: "0") }) else { return false }
        }
        guard parts[0].first != UInt8(ascii: "+") else { return false }
        return Int64(String(decoding: parts[0], as: UTF8.self)) == number
    }
}
