// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import PluginFramework
import Values

/// Asks for one hook of several plugins to be run, one after the other (source: gatehouse/v1/peer.proto).
package struct InvokeChainRequest: WireMessage {
    /// The path of the method.
    package static let path = "/\(PeerDescription.serviceName)/InvokeChain"

    /// The plugins, and what is known about them.
    package var chain: PluginChain

    /// Makes a request.
    package init(_ chain: PluginChain) {
        self.chain = chain
    }

    /// Decodes a whole message.
    ///
    /// - Throws: ``WireError``; also when it has no plugins, or too many.
    package init(decoding bytes: ByteBuffer) throws(WireError) {
        var parts = Parts()
        try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            try reader.decodeChain(of: bytes, into: &parts)
        }
        guard !parts.steps.isEmpty, parts.steps.count <= PluginChain.maximumSteps else {
            throw WireError(
                .missing, "has \(parts.steps.count) plugins; send 1 to \(PluginChain.maximumSteps)", path: ["steps"])
        }
        let steps = parts.steps.map { step in
            PluginChain.Step(
                plugin: step.plugin, context: PluginContext(checked: parts.context(with: step.own)),
                timeLimit: .milliseconds(step.timeLimit), effects: step.effects)
        }
        chain = PluginChain(
            hook: HookName(rawValue: parts.hook), payload: Document(checkedStruct: parts.payload), steps: steps,
            review: parts.review, patience: .milliseconds(parts.patience))
        chain.patience = min(chain.patience, PluginChain.longestPatience)
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        try encode(into: &buffer, features: .all)
    }

    /// Appends the encoded message for a receiver that has announced these features; chains go to no other.
    package func encode(into buffer: inout ByteBuffer, features: WireFeatures) throws(WireError) {
        var writer = WireWriter(features: features)
        writer.field(9, unsigned: Self.milliseconds(chain.patience))
        writer.field(8, unsigned: UInt64(chain.review.maximumSize ?? 0))
        writer.field(7, chain.review.takesUnlisted)
        writer.field(6, chain.review.writableFields != nil)
        for name in (chain.review.writableFields ?? []).reversed() { writer.memberField(5, name) }
        for step in chain.steps.reversed() { try writer.stepField(4, step) }
        if let first = chain.steps.first {
            try writer.contextField(3, ContextValues(global: first.context.values.global))
        }
        try writer.payloadField(2, chain.payload, chain.encodings)
        writer.field(1, chain.hook.rawValue)
        writer.finish(into: &buffer)
    }

    /// At least one, so that a limit is never taken for none.
    fileprivate static func milliseconds(_ duration: Duration) -> UInt64 {
        UInt64(max(1, min((duration / .milliseconds(1)).rounded(.up), Double(UInt32.max))))
    }

    /// The fields as they are found.
    fileprivate struct Parts {
        struct Step {
            var plugin = ""
            var own: ByteBuffer?
            var timeLimit: UInt32 = 0
            var effects: PluginChain.Effects = []
        }

        var hook = ""
        var payload: ByteBuffer?
        var context: ByteBuffer?
        var steps: [Step] = []
        var writableFields: [String] = []
        var hasWritableFields = false
        var review = PluginChain.Review()
        var patience: UInt32 = 0

        /// What all know and what one keeps for itself, as one message: the encoding of a merged message is that of the first
        /// followed by that of the second.
        func context(with own: ByteBuffer?) -> ByteBuffer? {
            guard let own, var both = context else { return own ?? context }
            both.writeImmutableBuffer(own)
            return both
        }
    }
}

extension WireWriter {
    fileprivate mutating func stepField(_ number: UInt32, _ step: PluginChain.Step) throws(WireError) {
        let before = count
        field(8, step.effects.contains(.goesOnAfterError))
        field(7, step.effects.contains(.goesOnAfterViolation))
        field(6, step.effects.contains(.goesOnAfterChange))
        field(5, step.effects.contains(.sharing))
        field(4, step.effects.contains(.changes))
        field(3, unsigned: UInt64(UInt32(clamping: InvokeChainRequest.milliseconds(step.timeLimit))))
        try ownContextField(2, step.context.values)
        field(1, step.plugin)
        close(number, since: before)
    }
}

extension WireReader {
    fileprivate mutating func decodeChain(
        of whole: ByteBuffer, into parts: inout InvokeChainRequest.Parts
    ) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited): parts.hook = try string("hook_type")
            case WireTag(2, .lengthDelimited): try checkedStruct("payload", of: whole, into: &parts.payload)
            case WireTag(3, .lengthDelimited): try checkedContext(of: whole, into: &parts.context)
            case WireTag(4, .lengthDelimited):
                var step = InvokeChainRequest.Parts.Step()
                try message("steps") { (content: inout WireReader) throws(WireError) in
                    try content.decodeStep(of: whole, into: &step)
                }
                parts.steps.append(step)
            case WireTag(5, .lengthDelimited): parts.writableFields.append(try string("writable_fields"))
            case WireTag(6, .varint): parts.hasWritableFields = try varint() != 0
            case WireTag(7, .varint): parts.review.takesUnlisted = try varint() != 0
            case WireTag(8, .varint):
                let size = try varint()
                parts.review.maximumSize = size == 0 ? Int?.none : Int(clamping: size)
            case WireTag(9, .varint): parts.patience = UInt32(clamping: try varint())
            default: try skip(tag)
            }
        }
        parts.review.writableFields = parts.hasWritableFields ? parts.writableFields : [String]?.none
    }

    private mutating func checkedContext(of whole: ByteBuffer, into bytes: inout ByteBuffer?) throws(WireError) {
        try checkedSlice("context", of: whole, into: &bytes) { (content: inout WireReader) throws(WireError) in
            try content.checkContext()
        }
    }

    private mutating func decodeStep(
        of whole: ByteBuffer, into step: inout InvokeChainRequest.Parts.Step
    ) throws(WireError) {
        func set(_ effect: PluginChain.Effects, _ isSet: Bool) {
            if isSet { step.effects.insert(effect) } else { step.effects.remove(effect) }
        }
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited): step.plugin = try string("plugin_name")
            case WireTag(2, .lengthDelimited): try checkedContext(of: whole, into: &step.own)
            case WireTag(3, .varint): step.timeLimit = UInt32(truncatingIfNeeded: try varint())
            case WireTag(4, .varint): set(.changes, try varint() != 0)
            case WireTag(5, .varint): set(.sharing, try varint() != 0)
            case WireTag(6, .varint): set(.goesOnAfterChange, try varint() != 0)
            case WireTag(7, .varint): set(.goesOnAfterViolation, try varint() != 0)
            case WireTag(8, .varint): set(.goesOnAfterError, try varint() != 0)
            default: try skip(tag)
            }
        }
    }
}
