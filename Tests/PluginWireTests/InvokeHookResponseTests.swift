// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import NIOCore
import PluginFramework
import SwiftProtobuf
import Testing
import Values

@testable import PluginWire

struct InvokeHookResponseTests {
    typealias Message = Mcpgateway_Plugins_InvokeHookResponse

    private func decode(_ message: Message) throws -> InvokeHookResponse {
        try InvokeHookResponse(decoding: ByteBuffer(bytes: message.serializedBytes() as [UInt8]))
    }

    @Test(arguments: ["", "P", "Grüße", String(repeating: "n", count: 127), String(repeating: "n", count: 40_000)])
    func aPlainPassIsWhatTheLongWayWouldWrite(name: String) throws {
        let answer = InvokeHookResponse(pluginName: name, outcome: .result(PluginResult()))
        let message = try Oracle.decode(Message.self, answer.encoded().array)
        #expect(message.pluginName == name)
        #expect(message.hasResult && !message.hasError && !message.hasContext && !message.hasResultBase)
        #expect(Oracle.object(message.result) == ["continue_processing": true])
        #expect(try decode(message) == answer)
    }

    @Test func onlyTheBytesOfAPlainPassAreTakenForOne() throws {
        let pass = try InvokeHookResponse(pluginName: "Grüße", outcome: .result(PluginResult())).encoded().array
        var variants = pass.indices.map { Array(pass[..<$0]) } + [pass + [0], pass]
        for index in pass.indices {
            for bit in 0..<8 {
                var bytes = pass
                bytes[index] ^= 1 << bit
                variants.append(bytes)
            }
        }
        for bytes in variants {
            // A field that is unknown changes nothing, and has the answer read the long way.
            let long = try? InvokeHookResponse(decoding: ByteBuffer(bytes: [0x78, 0] + bytes))
            let short = try? InvokeHookResponse(decoding: ByteBuffer(bytes: bytes))
            #expect(short == long, "\(bytes)")
        }
    }

    @Test func encodingAppendsToWhatIsThere() throws {
        var buffer = ByteBuffer(string: "prefix")
        try InvokeHookResponse(pluginName: "P", outcome: .result(PluginResult())).encode(into: &buffer)
        let short = buffer.readableBytes
        #expect(buffer.readString(length: 6) == "prefix")
        #expect(try InvokeHookResponse(decoding: buffer).pluginName == "P")

        var other = ByteBuffer(string: "prefix")
        try InvokeHookResponse(pluginName: "P", outcome: .result(PluginResult(metadata: ["a": 1]))).encode(into: &other)
        #expect(other.readableBytes > short)
        other.moveReaderIndex(forwardBy: 6)
        let decoded = try InvokeHookResponse(decoding: other)
        #expect(decoded.outcome == .result(PluginResult(metadata: ["a": 1])))
    }

    @Test func aPayloadThatCameInIsSentBackInItsBytes() throws {
        var random = SeededGenerator(seed: 7)
        let payload = random.strangeStruct()
        let request = try InvokeHookRequest(decoding: ByteBuffer(bytes: WireBytes.field(3, payload)))
        let answer = InvokeHookResponse(
            pluginName: "P", outcome: .result(PluginResult(modifiedPayload: request.payload)))
        let bytes = try answer.encoded().array
        let value = WireBytes.field(5, payload)
        let entry = WireBytes.entry("modified_payload", value)
        #expect(bytes.suffix(entry.count) == entry[...])
        #expect(try InvokeHookResponse(decoding: ByteBuffer(bytes: bytes)) == answer)
    }

    @Test func aPayloadNestedAsDeepAsAllowedCanBeSentBack() throws {
        let deep = try decodeStruct(WireBytes.nestedObjects(100))
        let result = PluginResult(
            modifiedPayload: Document(object: deep),
            violation: PluginViolation(code: "C", reason: "R", details: deep), metadata: deep)
        let answer = InvokeHookResponse(pluginName: "P", outcome: .result(result))
        let bytes = try answer.encoded()
        #expect(try InvokeHookResponse(decoding: bytes) == answer)

        let deeper = InvokeHookResponse(
            pluginName: "P", outcome: .result(PluginResult(metadata: ["k": .object(deep)])))
        let error = #expect(throws: WireError.self) { try deeper.encoded() }
        #expect(error?.code == .nesting)
        #expect(error?.path.prefix(3) == ["result", "metadata", "k"])

        let hostile = WireBytes.field(
            2, WireBytes.entry("modified_payload", WireBytes.field(5, WireBytes.nestedObjects(101))))
        #expect(throws: WireError.self) { try InvokeHookResponse(decoding: ByteBuffer(bytes: hostile)) }
    }

    @Test func anErrorCountsMoreThanAResultAndIsNeverWithoutAMessage() throws {
        let both = try decode(
            .with {
                $0.pluginName = "P"
                $0.result = Oracle.message(["continue_processing": true])
                $0.error = .init()
            })
        guard case .error(let error) = both.outcome else {
            Issue.record("an error was taken for a pass")
            return
        }
        #expect(!error.message.isEmpty)
        #expect(error.pluginName == "P")
        #expect(error.mcpErrorCode == -32603)

        var nameless = PluginError("x", pluginName: "P")
        nameless.message = ""
        let bytes = try InvokeHookResponse(pluginName: "P", outcome: .error(nameless)).encoded().array
        #expect(try !Oracle.decode(Message.self, bytes).error.message.isEmpty)
    }

    @Test func anAnswerWithoutResultAndErrorIsRefused() throws {
        let error = #expect(throws: WireError.self) { try decode(.with { $0.pluginName = "P" }) }
        #expect(error?.code == .missing)
        #expect(throws: WireError.self) { try InvokeHookResponse(decoding: ByteBuffer()) }
    }

    @Test func aResultBaseAloneIsUnderstoodAndBlocksUnlessItSaysOtherwise() throws {
        let full = try decode(
            .with {
                $0.resultBase = .with {
                    $0.continueProcessing = true
                    $0.metadata = Oracle.message(["a": 1])
                    $0.violation = .with {
                        $0.reason = "R"
                        $0.description_p = "D"
                        $0.code = "C"
                        $0.pluginName = "N"
                        $0.details = Oracle.message(["d": [1, nil]])
                        $0.mcpErrorCode = -32001
                    }
                }
            })
        var violation = PluginViolation(
            code: "C", reason: "R", description: "D", details: ["d": [1, nil]], mcpErrorCode: -32001)
        violation.pluginName = "N"
        #expect(full.outcome == .result(PluginResult(violation: violation, metadata: ["a": 1])))

        let empty = try decode(.with { $0.resultBase = .init() })
        #expect(empty.outcome == .result(PluginResult(continueProcessing: false)))
    }

    @Test func theReferencesFullResultWithNullsIsUnderstood() throws {
        let message = Message.with {
            $0.result = Oracle.message([
                "continue_processing": true, "modified_payload": nil, "violation": nil, "metadata": [:],
                "http_headers": nil, "retry_delay_ms": 0, "modified_extensions": nil, "executions": [],
            ])
        }
        #expect(try decode(message).outcome == .result(PluginResult()))
        let empty = Message.with { $0.result = .init() }
        #expect(try decode(empty).outcome == .result(PluginResult()))
    }

    @Test(
        arguments: [
            ("continue_processing", "yes"), ("metadata", [1]), ("http_headers", ["a": 1]), ("http_headers", "x"),
            ("retry_delay_ms", 1.5), ("retry_delay_ms", "1"), ("violation", "no"), ("violation", ["code": "C"]),
            ("violation", ["reason": "R", "description": "D", "code": 7]),
            ("violation", ["reason": "R", "description": "D", "code": "C", "details": []]),
            ("violation", ["reason": "R", "description": "D", "code": "C", "http_status_code": "403"]),
            ("violation", ["reason": "R", "description": "D", "code": "C", "http_headers": ["a": nil]]),
        ] as [(String, Value)])
    func aResultOfTheWrongTypesIsRefusedWithItsPlace(key: String, value: Value) {
        let error = #expect(throws: WireError.self) {
            try decode(.with { $0.result = Oracle.message(["continue_processing": true, key: value]) })
        }
        #expect(error?.path.prefix(2) == ["result", key])
    }

    @Test(arguments: [Value.int(1), .string("x"), .array([1, 2]), .array([.object([:])]), .object([:])])
    func aModifiedPayloadMayBeAnyValue(value: Value) throws {
        let answer = InvokeHookResponse(
            pluginName: "P", outcome: .result(PluginResult(modifiedPayload: Document(value))))
        #expect(try InvokeHookResponse(decoding: answer.encoded()) == answer)
    }

    @Test func ofARepeatedValueInAResultBothAreMerged() throws {
        let entry = WireBytes.field(
            1,
            WireBytes.field(1, "modified_payload")
                + WireBytes.field(2, WireBytes.field(5, WireBytes.entry("a", WireBytes.field(4, varint: 1))))
                + WireBytes.field(2, WireBytes.field(5, WireBytes.entry("b", WireBytes.field(4, varint: 1)))))
        let bytes = WireBytes.field(2, entry)
        let theirs = try Oracle.decode(Message.self, bytes)
        #expect(Oracle.object(theirs.result) == ["modified_payload": ["a": true, "b": true]])
        let ours = try InvokeHookResponse(decoding: ByteBuffer(bytes: bytes))
        #expect(ours.outcome == .result(PluginResult(modifiedPayload: Document(["a": true, "b": true]))))
    }

    @Test func whatCannotBeSentBecomesAnErrorAndNeverAPass() throws {
        let faulty = InvokeHookResponse(
            pluginName: "P", outcome: .result(PluginResult(metadata: ["score": .double(.nan)])))
        var buffer = ByteBuffer()
        faulty.encodeReportingFaults(into: &buffer)
        guard case .error(let error) = try InvokeHookResponse(decoding: buffer).outcome else {
            Issue.record("not an error")
            return
        }
        #expect(error.message.contains("result.metadata.score"))
        #expect(error.code == "INTERNAL_ERROR")
        #expect(error.pluginName == "P")

        let failure = PluginError(
            "it broke", pluginName: "P", code: "MINE", details: ["x": .double(.infinity)], mcpErrorCode: -1)
        var other = ByteBuffer()
        InvokeHookResponse(pluginName: "P", outcome: .error(failure)).encodeReportingFaults(into: &other)
        guard case .error(let kept) = try InvokeHookResponse(decoding: other).outcome else {
            Issue.record("not an error")
            return
        }
        #expect(kept.message.hasPrefix("it broke"))
        #expect(kept.code == "MINE")
        #expect(kept.mcpErrorCode == -1)

        var context = ContextValues(global: GlobalContext(requestID: "r"))
        context.state = ["bad": .double(.nan)]
        var third = ByteBuffer()
        InvokeHookResponse(pluginName: "P", outcome: .result(PluginResult()), context: context)
            .encodeReportingFaults(into: &third)
        guard case .error = try InvokeHookResponse(decoding: third).outcome else {
            Issue.record("not an error")
            return
        }
    }

    @Test func anErrorCodeBeyond32BitsBecomesTheDefault() throws {
        let error = PluginError("m", pluginName: "P", mcpErrorCode: 1 << 40)
        let answer = InvokeHookResponse(pluginName: "P", outcome: .error(error))
        let message = try Oracle.decode(Message.self, answer.encoded().array)
        #expect(message.error.mcpErrorCode == -32603)
    }

    @Test func anEmptiedContextIsSent() throws {
        let answer = InvokeHookResponse(
            pluginName: "P", outcome: .result(PluginResult()),
            context: ContextValues(global: GlobalContext(requestID: "")))
        let message = try Oracle.decode(Message.self, answer.encoded().array)
        #expect(message.hasContext)
        #expect(message.context.state.fields.isEmpty)
        #expect(try InvokeHookResponse(decoding: answer.encoded()).context == answer.context)
    }
}
