// SPDX-License-Identifier: Apache-2.0

@testable import PluginWire

/// Where the oracle is wrong: an entry of a map that has its key or value in a layout that is not theirs.
///
/// Such a field counts as unknown and is passed over. SwiftProtobuf 1.39 does so everywhere but in the entries of maps, where it
/// goes on reading in the middle of the field. What it says of such bytes proves nothing.
enum OracleFault {
    /// What kind of message bytes are.
    enum Message {
        case request, context, global, object, entry, value, list

        fileprivate func inner(_ tag: WireTag) -> Message? {
            guard tag.layout == .lengthDelimited else { return nil }
            switch (self, tag.number) {
            case (.request, 4): return .context
            case (.context, 1): return .global
            case (.request, 3), (.context, 2), (.context, 3), (.global, 5), (.global, 6), (.global, 7): return .object
            case (.object, 1): return .entry
            case (.entry, 2), (.list, 1): return .value
            case (.value, 5): return .object
            case (.value, 6): return .list
            default: return nil
            }
        }
    }

    /// Whether the bytes, as far as they can be read, hold such an entry at any depth.
    static func touches(_ bytes: [UInt8], _ message: Message) -> Bool {
        bytes.withUnsafeBytes { content in
            var reader = WireReader(content)
            while let tag = try? reader.nextTag() {
                if message == .entry, tag.number < 3, tag.layout != .lengthDelimited { return true }
                guard let inner = message.inner(tag) else {
                    guard (try? reader.skip(tag)) != nil else { return false }
                    continue
                }
                guard let range = try? reader.delimited() else { return false }
                if touches(Array(content[range]), inner) { return true }
            }
            return false
        }
    }
}
