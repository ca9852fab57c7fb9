// SPDX-License-Identifier: Apache-2.0

/// What stands before each field of an encoded message: its number and how its bytes are laid out.
///
/// Source: Protocol Buffers, "Encoding".
struct WireTag: Equatable {
    /// How the bytes of a field are laid out.
    enum Layout: UInt32 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
        case groupStart = 3
        case groupEnd = 4
        case fixed32 = 5
    }

    /// The number and the layout as they stand in the bytes.
    let rawValue: UInt32

    /// The tag of a field with this number and layout.
    init(_ number: UInt32, _ layout: Layout) {
        rawValue = number << 3 | layout.rawValue
    }

    /// The tag in these bytes; nil when the number is 0 or the layout unknown.
    init?(rawValue: UInt32) {
        guard rawValue >= 8, rawValue & 7 <= 5 else { return nil }
        self.rawValue = rawValue
    }

    /// The field's number: 1 to 536,870,911.
    var number: UInt32 { rawValue >> 3 }

    /// How the field's bytes are laid out.
    var layout: Layout {
        // Both initializers let only the six known layouts in.
        Layout(rawValue: rawValue & 7) ?? .varint
    }

    static func ~= (pattern: WireTag, tag: WireTag) -> Bool {
        pattern.rawValue == tag.rawValue
    }
}
