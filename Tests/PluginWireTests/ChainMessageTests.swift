// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import SwiftProtobuf
import Testing
import Fuzzing
import Values

@testable import PluginWire

/// Chains of plugins in one request, against the generated code of SwiftProtobuf.
struct ChainMessageTests {
    private static let allEffects: [PluginChain.Effects] = [
        .changes, .sharing, .goesOnAfterChange, .goesOnAfterViolation, .goesOnAfterError,
    ]

    @Test(arguments: SeededGenerator.seeds)
    func requestsMeanTheSameOnBothSides(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<40 {
            let payload = random.object(depth: 2)
            let global = random.context().global
            let fields: [String]? = random.maybe { random in [random.text(), random.text()] }
            var message = Gatehouse_V1_InvokeChainRequest.with {
                $0.hookType = "tool_pre_invoke"
                $0.payload = Oracle.message(payload)
                $0.context.globalContext = Oracle.message(ContextValues(global: global)).globalContext
                $0.hasWritableFields_p = fields != nil
                $0.writableFields = fields ?? []
                $0.takesAnyChange = round % 2 == 0
                $0.maxPayloadSize = UInt64(round)
                $0.patienceMs = 40
            }
            var steps: [PluginChain.Step] = []
            for number in 0..<(1 + round % 4) {
                var own = random.context()
                own.global = global
                let effects = Self.allEffects.filter { _ in random.chance(oneIn: 2) }
                steps.append(
                    PluginChain.Step(
                        plugin: "P\(number)", context: PluginContext(own), timeLimit: .milliseconds(number + 1),
                        effects: PluginChain.Effects(effects)))
                message.steps.append(
                    .with {
                        $0.pluginName = "P\(number)"
                        if !own.state.isEmpty { $0.context.state = Oracle.message(own).state }
                        if !own.metadata.isEmpty { $0.context.metadata = Oracle.message(own).metadata }
                        $0.timeLimitMs = UInt32(number + 1)
                        $0.mayChange = effects.contains(.changes)
                        $0.sharesState = effects.contains(.sharing)
                        $0.goesOnAfterChange = effects.contains(.goesOnAfterChange)
                        $0.goesOnAfterViolation = effects.contains(.goesOnAfterViolation)
                        $0.goesOnAfterError = effects.contains(.goesOnAfterError)
                    })
            }
            let chain = PluginChain(
                hook: .toolPreInvoke, payload: Document(object: payload), steps: steps,
                review: .init(
                    writableFields: fields, takesUnlisted: round % 2 == 0,
                    maximumSize: round == 0 ? Optional<Int>.none : round),
                patience: .milliseconds(40))

            var buffer = ByteBuffer()
            try InvokeChainRequest(chain).encode(into: &buffer, features: [])
            let ours = Array(buffer.readableBytesView)
            #expect(try Oracle.decode(Gatehouse_V1_InvokeChainRequest.self, ours) == message, "\(seed), \(round)")
            for bytes in [ours, try message.serializedBytes()] {
                let decoded = try InvokeChainRequest(decoding: ByteBuffer(bytes: bytes)).chain
                #expect(decoded.hook == .toolPreInvoke)
                #expect(decoded.payload.value == .object(Oracle.received(payload)), "\(seed), \(round)")
                #expect(decoded.review == chain.review)
                #expect(decoded.patience == chain.patience)
                #expect(decoded.steps.map(\.plugin) == steps.map(\.plugin))
                #expect(decoded.steps.map(\.effects) == steps.map(\.effects))
                #expect(decoded.steps.map(\.timeLimit) == steps.map(\.timeLimit))
                for (step, sent) in zip(decoded.steps, steps) {
                    #expect(step.context.values == Oracle.received(sent.context.values), "\(seed), \(round)")
                }
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func brokenRequestsNeverEndTheProcess(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<200 {
            var own = random.context()
            own.state["k"] = "v"
            let step = PluginChain.Step(
                plugin: "p", context: PluginContext(own), timeLimit: .seconds(1), effects: .changes)
            let chain = PluginChain(
                hook: .toolPreInvoke, payload: Document(object: random.object(depth: 1)), steps: [step, step],
                review: .init(), patience: .zero)
            let bytes = random.mutated(try InvokeChainRequest(chain).encoded().array)
            do throws(WireError) {
                let decoded = try InvokeChainRequest(decoding: ByteBuffer(bytes: bytes)).chain
                // What was accepted must decode, now that it is looked at.
                _ = decoded.payload.value
                for step in decoded.steps { _ = step.context.values }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0)
    }

    @Test func whatIsLeftOutForbids() throws {
        let message = Gatehouse_V1_InvokeChainRequest.with { $0.steps = [.with { $0.pluginName = "p" }] }
        let chain = try InvokeChainRequest(decoding: ByteBuffer(bytes: message.serializedBytes() as [UInt8])).chain
        #expect(chain.steps.first?.effects == [])
        #expect(chain.review == PluginChain.Review())
    }

    @Test func requestsWithoutPluginsOrWithTooManyAreRefused() {
        for count in [0, PluginChain.maximumSteps + 1] {
            let message = Gatehouse_V1_InvokeChainRequest.with {
                $0.steps = Array(repeating: .with { $0.pluginName = "p" }, count: count)
            }
            #expect(throws: WireError.self) {
                try InvokeChainRequest(decoding: ByteBuffer(bytes: message.serializedBytes() as [UInt8]))
            }
        }
    }

    @Test func answersMeanTheSameOnBothSides() throws {
        let answers = [
            PluginAnswer(plugin: "a", outcome: .success(PluginResult())),
            PluginAnswer(
                plugin: "b", outcome: .failure(PluginError("it broke", pluginName: "b", code: "BROKEN")),
                context: ContextValues(global: GlobalContext(requestID: "r"))),
        ]
        var writer = ChainAnswerWriter(features: [])
        for (number, answer) in answers.enumerated() {
            let step = PluginChain.Step(
                plugin: answer.plugin, context: PluginContext(global: GlobalContext(requestID: "r")), timeLimit: .zero,
                effects: [])
            #expect(writer.write(step, answer, .microseconds(300 * number)) == .whole)
        }
        let theirs = try Oracle.decode(Gatehouse_V1_InvokeChainResponse.self, Array(writer.bytes.readableBytesView))
        #expect(theirs.steps.map(\.answer.pluginName) == ["a", "b"])
        #expect(theirs.steps.map(\.durationUs) == [0, 300])
        #expect(theirs.steps.last?.answer.error.code == "BROKEN")
        let decoded = try InvokeChainResponse(decoding: ByteBuffer(bytes: theirs.serializedBytes() as [UInt8]))
        #expect(decoded == (try InvokeChainResponse(decoding: writer.bytes)))
        var again = ByteBuffer()
        try decoded.encode(into: &again, features: [])
        #expect(again == writer.bytes)
    }

    @Test func anAnswerThatCannotBeSentIsAnErrorInItsPlace() throws {
        var writer = ChainAnswerWriter(features: .all)
        let step = chain("a").steps[0]
        let result = PluginResult(metadata: ["n": .double(.nan)])
        #expect(writer.write(step, PluginAnswer(plugin: "a", outcome: .success(result)), .zero) == .failed)
        let answers = try InvokeChainResponse(decoding: writer.bytes).answers(to: chain("a"))
        #expect(answers.steps.map { $0.answer.error?.code } == [PluginError.Code.internalError])
    }

    @Test func anAnswerForWhichThereIsNoRoomIsLeftOutUnlessItIsTheFirst() throws {
        let step = chain("a").steps[0]
        func answer(_ size: Int) -> PluginAnswer {
            let text = String(repeating: "x", count: size)
            return PluginAnswer(plugin: "a", outcome: .success(PluginResult(metadata: ["t": .string(text)])))
        }
        var writer = ChainAnswerWriter(features: .all)
        #expect(writer.write(step, answer(10), .zero) == .whole)
        let before = writer.bytes.readableBytes
        #expect(writer.write(step, answer(ChainAnswerWriter.room), .zero) == .last)
        #expect(writer.bytes.readableBytes == before)
        var other = ChainAnswerWriter(features: .all)
        #expect(other.write(step, answer(ChainAnswerWriter.room), .zero) == .last)
        #expect(try InvokeChainResponse(decoding: other.bytes).steps.count == 1)
    }

    // MARK: Servers that answer something else

    @Test func missingAnswersAreNotPasses() {
        #expect(outcomes([], "a", "b") == ["error"])
        #expect(outcomes(["a"], "a", "b") == ["pass"])
    }

    @Test func anotherNameOrOrderIsAnErrorOfThatPlugin() {
        #expect(outcomes(["b", "a"], "a", "b") == ["error"])
        #expect(outcomes(["a", "A", "c"], "a", "b", "c") == ["pass", "error"])
        #expect(outcomes(["a", "a"], "a", "b") == ["pass", "error"])
    }

    @Test func moreAnswersThanPluginsAreAnErrorOfTheLast() {
        #expect(outcomes(["a", "b", "b"], "a", "b") == ["pass", "error"])
        #expect(outcomes(["a", "b"], "a") == ["error"])
    }

    @Test func anAnswerThatSaysNothingIsRefused() {
        let message = Gatehouse_V1_InvokeChainResponse.with { $0.steps = [.with { $0.durationUs = 1 }] }
        #expect(throws: WireError.self) {
            try InvokeChainResponse(decoding: ByteBuffer(bytes: message.serializedBytes() as [UInt8]))
        }
    }

    private func outcomes(_ answered: [String], _ asked: String...) -> [String] {
        let steps = answered.map {
            InvokeChainResponse.Step(
                answer: InvokeHookResponse(pluginName: $0, outcome: .result(PluginResult())), microseconds: 1)
        }
        return InvokeChainResponse(steps: steps).answers(to: chain(asked)).steps
            .map { $0.answer.error == nil ? "pass" : "error" }
    }

    private func chain(_ plugins: String...) -> PluginChain { chain(plugins) }

    private func chain(_ plugins: [String]) -> PluginChain {
        PluginChain(
            hook: .toolPreInvoke, payload: Document(object: [:]),
            steps: plugins.map {
                PluginChain.Step(
                    plugin: $0, context: PluginContext(global: GlobalContext(requestID: "r")), timeLimit: .seconds(1),
                    effects: [])
            }, review: .init(), patience: .zero)
    }
}

extension PluginAnswer {
    fileprivate var error: PluginError? {
        guard case .failure(let error) = outcome else { return nil }
        return error
    }
}
