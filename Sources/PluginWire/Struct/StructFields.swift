// SPDX-License-Identifier: Apache-2.0

/// The fields of google.protobuf.Struct, Value and ListValue (source: struct.proto).
enum StructFields {
    /// Struct: `map<string, Value> fields = 1`, each entry a message with `key = 1` and `value = 2`.
    static let entry = WireTag(1, .lengthDelimited)
    static let key = WireTag(1, .lengthDelimited)
    static let value = WireTag(2, .lengthDelimited)

    /// ListValue: `repeated Value values = 1`.
    static let element = WireTag(1, .lengthDelimited)

    /// Value: one of these.
    static let null = WireTag(1, .varint)
    static let number = WireTag(2, .fixed64)
    static let string = WireTag(3, .lengthDelimited)
    static let bool = WireTag(4, .varint)
    static let object = WireTag(5, .lengthDelimited)
    static let array = WireTag(6, .lengthDelimited)

    /// Of peers of this product, behind `number` (source: gatehouse/v1/peer.proto, NumberFields).
    static let exactInteger = WireTag(1000, .varint)
    static let isDouble = WireTag(1001, .varint)
}
