// SPDX-License-Identifier: Apache-2.0

internal import CPCRE2

/// The values of pcre2.h that the importer does not bring over, or brings over with a type that needs a cast.
enum PCRE2 {
    static let caseless: UInt32 = 0x0000_0008
    static let ucp: UInt32 = 0x0002_0000
    static let utf: UInt32 = 0x0008_0000
    static let neverBackslashC: UInt32 = 0x0010_0000
    static let altCircumflex: UInt32 = 0x0020_0000
    static let useOffsetLimit: UInt32 = 0x0080_0000
    static let noUTFCheck: UInt32 = 0x4000_0000
    static let jitComplete: UInt32 = 0x0000_0001
    static let notEmptyAtStart: UInt32 = 0x0000_0008
    static let newlineLF: UInt32 = 2

    static let noMatch: Int32 = -1
    static let jitStackLimit: Int32 = -46
    static let matchLimit: Int32 = -47
    static let noMemory: Int32 = -48
    static let depthLimit: Int32 = -53
    static let heapLimit: Int32 = -63

    static let configVersion: UInt32 = 11
    static let unset = UInt.max

    /// Whether this library's `\w` is wider than Python's (see `PatternWriter`): from 10.43 on.
    static let hasWideWords: Bool = {
        var version = [UInt8](repeating: 0, count: 64)
        let length = version.withUnsafeMutableBufferPointer { pcre2_config_8(configVersion, $0.baseAddress) }
        guard length > 0 else { return true }
        let parts = version.prefix { $0 != 0x20 && $0 != 0 }.split(separator: 0x2E)
        let numbers = parts.map { Int(String(decoding: $0.prefix { (0x30...0x39).contains($0) }, as: UTF8.self)) ?? 0 }
        guard numbers.count >= 2 else { return true }
        return numbers[0] > 10 || (numbers[0] == 10 && numbers[1] >= 43)
    }()

    /// What the library says of an error.
    static func message(_ code: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 256)
        let length = text.withUnsafeMutableBufferPointer { pcre2_get_error_message_8(code, $0.baseAddress, $0.count) }
        return length > 0 ? String(decoding: text.prefix(Int(length)), as: UTF8.self) : "error \(code)"
    }
}
