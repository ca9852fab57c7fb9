// SPDX-License-Identifier: Apache-2.0

package import Values

/// Undoes what the way over google.protobuf.Struct does to numbers.
///
/// A number that comes back equal, as a double, to the one that was sent at the same place is the one that was sent: an
/// identifier beyond 2^53 stays what it was, 1.0 does not become 1.
package enum NumberRestoration {
    /// The received value with the numbers that were sent; nil when nothing is to be restored.
    package static func restore(_ received: Value, from sent: Value) -> Value? {
        switch (sent, received) {
        case (.int(let original), .double(let number)):
            return Double(original) == number ? sent : nil
        case (.int(let original), .int(let number)):
            return original != number && Double(original) == Double(number) ? sent : nil
        case (.double(let original), .int(let number)):
            return Double(number) == original ? sent : nil
        case (.array(let original), .array(var elements)):
            var isChanged = false
            for index in 0..<min(original.count, elements.count) {
                guard let restored = restore(elements[index], from: original[index]) else { continue }
                elements[index] = restored
                isChanged = true
            }
            return isChanged ? .array(elements) : nil
        case (.object(let original), .object(let object)):
            return restore(object, from: original).map { .object($0) }
        default:
            return nil
        }
    }

    /// The same for the members of an object.
    package static func restore(_ received: ValueObject, from sent: ValueObject) -> ValueObject? {
        var object: ValueObject?
        for member in sent where isFragile(member.value) {
            guard let value = received[member.key], let restored = restore(value, from: member.value) else { continue }
            object = object ?? received
            object?[member.key] = restored
        }
        return object
    }

    /// Whether the value holds a number that may come back as another.
    package static func isFragile(_ value: Value) -> Bool {
        switch value {
        case .null, .bool, .string: false
        case .int(let number): number.magnitude > UInt64(ValueLimits.exactInteger)
        case .double(let number): abs(number) <= ValueLimits.exactInteger && number == number.rounded(.towardZero)
        case .array(let elements): elements.contains(where: isFragile)
        case .object(let object): object.contains { isFragile($0.value) }
        }
    }
}
