// SPDX-License-Identifier: Apache-2.0

import Values

/// Whether a payload is within what plugins may get, told without writing it out.
enum PayloadMeasure {
    case fits, tooLarge, tooDeep

    /// Counts the bytes of the payload as JSON text, escapes not counted, and stops at the limit.
    init(_ value: Value, limit: Int?) {
        var rest = limit ?? .max
        self = Self.measure(value, &rest, depth: 1)
    }

    private static func measure(_ value: Value, _ rest: inout Int, depth: Int) -> PayloadMeasure {
        switch value {
        case .null: rest -= 4
        case .bool(let value): rest -= value ? 4 : 5
        case .int(let value): rest -= digits(value)
        // The shortest texts of doubles differ; what counts is that many of them are much.
        case .double: rest -= 8
        case .string(let text): rest -= text.utf8.count + 2
        case .array(let elements):
            guard depth <= ValueLimits.maximumNesting else { return .tooDeep }
            rest -= 2 + max(0, elements.count - 1)
            for element in elements {
                guard rest >= 0 else { return .tooLarge }
                if case let fault = measure(element, &rest, depth: depth + 1), fault != .fits { return fault }
            }
        case .object(let object):
            guard depth <= ValueLimits.maximumNesting else { return .tooDeep }
            rest -= 2 + max(0, object.count - 1)
            for member in object {
                rest -= member.key.utf8.count + 3
                guard rest >= 0 else { return .tooLarge }
                if case let fault = measure(member.value, &rest, depth: depth + 1), fault != .fits { return fault }
            }
        }
        return rest >= 0 ? .fits : .tooLarge
    }

    private static func digits(_ value: Int64) -> Int {
        var magnitude = value.magnitude
        var count = value < 0 ? 2 : 1
        while magnitude >= 10 {
            magnitude /= 10
            count += 1
        }
        return count
    }

    /// Why a payload is refused; nil if it is not.
    func complaint(limit: Int?) -> String? {
        switch self {
        case .fits:
            nil
        case .tooLarge:
            "is larger than \(limit ?? 0) bytes as JSON text; send less, or raise plugin_settings.max_payload_size"
        case .tooDeep:
            "has more than \(ValueLimits.maximumNesting) arrays and objects inside one another; flatten it"
        }
    }
}
