// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SwiftProtobuf
import Values

/// Conversion between values and the generated types of SwiftProtobuf: slow, simple, and not the code under test.
enum Oracle {
    typealias Struct = Google_Protobuf_Struct

    /// What a peer that follows the number rules makes of a value: integers beyond 2^53 and whole doubles change.
    static func received(_ value: Value) -> Value {
        switch value {
        case .null, .bool, .string: return value
        case .int(let whole): return received(.double(Double(whole)))
        case .double(let number):
            if number == number.rounded(), abs(number) <= 9_007_199_254_740_992, number != 0 || number.sign == .plus {
                return .int(Int64(number))
            }
            return value
        case .array(let elements): return .array(elements.map(received))
        case .object(let object): return .object(received(object))
        }
    }

    static func received(_ object: ValueObject) -> ValueObject {
        ValueObject(object.map { ($0.key, received($0.value)) })
    }

    static func message(_ object: ValueObject) -> Struct {
        var message = Struct()
        for member in object { message.fields[member.key] = self.message(member.value) }
        return message
    }

    static func message(_ value: Value) -> Google_Protobuf_Value {
        var message = Google_Protobuf_Value()
        switch value {
        case .null: message.nullValue = .nullValue
        case .bool(let value): message.boolValue = value
        case .int(let value): message.numberValue = Double(value)
        case .double(let value): message.numberValue = value
        case .string(let value): message.stringValue = value
        case .array(let elements):
            message.listValue = .with { $0.values = elements.map { self.message($0) } }
        case .object(let object): message.structValue = self.message(object)
        }
        return message
    }

    static func object(_ message: Struct) -> ValueObject {
        ValueObject(message.fields.map { ($0.key, value($0.value)) })
    }

    static func value(_ message: Google_Protobuf_Value) -> Value {
        switch message.kind {
        case nil, .nullValue?: .null
        case .boolValue(let value)?: .bool(value)
        case .numberValue(let value)?: received(.double(value))
        case .stringValue(let value)?: .string(value)
        case .listValue(let list)?: .array(list.values.map(value))
        case .structValue(let content)?: .object(object(content))
        }
    }

    /// Whether a message holds a number that the contract forbids and protobuf allows.
    static func hasNonFiniteNumber(_ message: Struct) -> Bool {
        message.fields.values.contains(where: hasNonFiniteNumber)
    }

    private static func hasNonFiniteNumber(_ message: Google_Protobuf_Value) -> Bool {
        switch message.kind {
        case .numberValue(let value)?: !value.isFinite
        case .listValue(let list)?: list.values.contains(where: hasNonFiniteNumber)
        case .structValue(let content)?: hasNonFiniteNumber(content)
        default: false
        }
    }

    /// Decodes without the depth limit that the generated code has by default: ours is another.
    static func decode<Message: SwiftProtobuf.Message>(_ type: Message.Type, _ bytes: [UInt8]) throws -> Message {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 100_000
        return try Message(serializedBytes: bytes, options: options)
    }
}

extension ByteBuffer {
    /// All readable bytes.
    var array: [UInt8] { Array(readableBytesView) }
}
