// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import PluginFramework
import Values

/// What came of running a chain of plugins: an answer of each, in order, as far as they were asked.
package struct InvokeChainResponse: WireMessage, Equatable {
    /// One plugin's answer.
    package struct Step: Sendable, Equatable {
        /// As to a call of this one plugin.
        package var answer: InvokeHookResponse
        /// How long the plugin took, in microseconds.
        package var microseconds: UInt64

        /// Makes an answer.
        package init(answer: InvokeHookResponse, microseconds: UInt64) {
            self.answer = answer
            self.microseconds = microseconds
        }
    }

    /// The answers in the order of the chain.
    package var steps: [Step]

    /// Makes an answer.
    package init(steps: [Step]) {
        self.steps = steps
    }

    /// Decodes a whole message.
    ///
    /// - Throws: ``WireError``, also when an answer says neither a result nor an error.
    package init(decoding bytes: ByteBuffer) throws(WireError) {
        var steps: [Step] = []
        try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            while let tag = try reader.nextTag() {
                if tag == WireTag(1, .lengthDelimited) {
                    steps.append(
                        try reader.message("steps") { (content: inout WireReader) throws(WireError) in
                            try content.decodeStepAnswer(of: bytes)
                        })
                } else {
                    try reader.skip(tag)
                }
            }
        }
        self.steps = steps
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        try encode(into: &buffer, features: .all)
    }

    /// Appends the encoded message for a receiver that has announced these features.
    package func encode(into buffer: inout ByteBuffer, features: WireFeatures) throws(WireError) {
        for step in steps {
            var answer = ByteBuffer()
            try step.answer.encode(into: &answer, features: features)
            ChainAnswerWriter.append(answer, microseconds: step.microseconds, to: &buffer)
        }
    }

    /// The answers as the ones to the plugins that were asked.
    ///
    /// Each must stand at the place of its plugin and bear its name. At the first that does not stands an error, and what follows
    /// it does not count: who mixes up two answers may have mixed up all.
    package func answers(to chain: PluginChain) -> PluginChainAnswer {
        var answers: [PluginChainAnswer.Step] = []
        for (index, step) in steps.enumerated() {
            guard index < chain.steps.count, step.answer.pluginName.hasSameBytes(as: chain.steps[index].plugin) else {
                if index == chain.steps.count, !answers.isEmpty { answers.removeLast() }
                answers.append(.init(Self.disorder(step, asked: chain.steps[min(index, chain.steps.count - 1)].plugin)))
                return PluginChainAnswer(steps: answers)
            }
            let answer: PluginAnswer =
                switch step.answer.outcome {
                case .result(let result):
                    PluginAnswer(
                        plugin: step.answer.pluginName, outcome: .success(result), context: step.answer.context)
                case .error(let error):
                    PluginAnswer(plugin: step.answer.pluginName, outcome: .failure(error))
                }
            answers.append(
                .init(answer, duration: .microseconds(Int64(clamping: min(step.microseconds, UInt64(UInt32.max))))))
        }
        if answers.isEmpty { answers.append(.init(Self.nothing(asked: chain.steps.first?.plugin ?? ""))) }
        return PluginChainAnswer(steps: answers)
    }

    private static func disorder(_ step: Step, asked plugin: String) -> PluginAnswer {
        failure(
            "the server answered for plugin '\(step.answer.pluginName)' where '\(plugin)' was asked, or more often than it was "
                + "asked; nothing that it says from there on counts", plugin)
    }

    private static func nothing(asked plugin: String) -> PluginAnswer {
        failure("the server answered a chain of plugins without an answer of any; update it", plugin)
    }

    private static func failure(_ message: String, _ plugin: String) -> PluginAnswer {
        PluginAnswer(
            plugin: plugin,
            outcome: .failure(PluginError(message, pluginName: plugin, code: PluginError.Code.internalError)))
    }
}

extension WireReader {
    fileprivate mutating func decodeStepAnswer(of whole: ByteBuffer) throws(WireError) -> InvokeChainResponse.Step {
        var answer: ByteBuffer?
        var microseconds: UInt64 = 0
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited):
                try checkedSlice("answer", of: whole, into: &answer) { (content: inout WireReader) throws(WireError) in
                    // Checked by decoding it, once all of it is there.
                    while let tag = try content.nextTag() { try content.skip(tag) }
                }
            case WireTag(2, .varint): microseconds = try varint()
            default: try skip(tag)
            }
        }
        do throws(WireError) {
            return InvokeChainResponse.Step(
                answer: try InvokeHookResponse(decoding: answer ?? ByteBuffer()), microseconds: microseconds)
        } catch {
            throw error.inside("answer")
        }
    }
}

/// Writes the answers of a chain's plugins as they come, each before the next plugin is asked.
package struct ChainAnswerWriter {
    /// How many bytes all answers may have that are not the first one.
    ///
    /// What goes beyond it is left out, and the caller asks for it anew: an answer that is too long must not spoil those before it.
    package static let room = 1 << 20

    /// The encoded ``InvokeChainResponse``.
    package private(set) var bytes: ByteBuffer
    private let features: WireFeatures
    private var answer = ByteBuffer()
    private let start: Int

    /// Makes a writer.
    ///
    /// - Parameters:
    ///   - buffer: What it appends to.
    ///   - features: What the receiver has announced.
    package init(appendingTo buffer: ByteBuffer = ByteBuffer(), features: WireFeatures) {
        bytes = buffer
        start = buffer.writerIndex
        self.features = features
    }

    /// Writes one plugin's answer, or an error in its place when it cannot be sent; nothing of one for which there is no room.
    package mutating func write(
        _ step: PluginChain.Step, _ given: PluginAnswer, _ duration: Duration
    ) -> PluginChain.Written {
        answer.clear()
        let isWhole = InvokeHookResponse(given, pluginName: step.plugin)
            .encodeReportingFaults(into: &answer, features: features)
        let isFirst = bytes.writerIndex == start
        guard isFirst || bytes.writerIndex - start + answer.readableBytes <= Self.room else { return .last }
        let (seconds, attoseconds) = duration.components
        Self.append(
            answer, microseconds: UInt64(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000), to: &bytes)
        if bytes.writerIndex - start >= Self.room { return .last }
        return isWhole ? .whole : .failed
    }

    /// Appends field 1 of an InvokeChainResponse.
    fileprivate static func append(_ answer: ByteBuffer, microseconds: UInt64, to buffer: inout ByteBuffer) {
        let time = length(of: microseconds)
        let content = 1 + length(of: UInt64(answer.readableBytes)) + answer.readableBytes + 1 + time
        buffer.reserveCapacity(minimumWritableBytes: content + 11)
        buffer.writeInteger(0x0A as UInt8)
        writeVarint(UInt64(content), to: &buffer)
        buffer.writeInteger(0x0A as UInt8)
        writeVarint(UInt64(answer.readableBytes), to: &buffer)
        buffer.writeImmutableBuffer(answer)
        buffer.writeInteger(0x10 as UInt8)
        writeVarint(microseconds, to: &buffer)
    }

    private static func length(of value: UInt64) -> Int {
        max(1, (64 - value.leadingZeroBitCount + 6) / 7)
    }

    private static func writeVarint(_ value: UInt64, to buffer: inout ByteBuffer) {
        var rest = value
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}
