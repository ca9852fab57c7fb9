// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import NIOCore
import PluginFramework
import SwiftProtobuf
import Testing
import Values

@testable import PluginWire

/// Every message against the generated code of SwiftProtobuf, in both directions.
struct MessageOracleTests {
    @Test(arguments: SeededGenerator.seeds)
    func requestsMeanTheSameOnBothSides(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<60 {
            let hookType = random.text()
            let pluginName = random.text()
            let payload = random.object(depth: 3)
            let context = random.context()
            let request = InvokeHookRequest(
                hookType: hookType, pluginName: pluginName, payload: Document(object: payload),
                context: PluginContext(context))
            let message = Mcpgateway_Plugins_InvokeHookRequest.with {
                $0.hookType = hookType
                $0.pluginName = pluginName
                $0.payload = Oracle.message(payload)
                $0.context = Oracle.message(context)
            }

            let ours = try request.encoded().array
            let theirs = try Oracle.decode(Mcpgateway_Plugins_InvokeHookRequest.self, ours)
            #expect(theirs == message, "seed \(seed), round \(round)")

            for bytes in [ours, try message.serializedBytes()] {
                let decoded = try InvokeHookRequest(decoding: ByteBuffer(bytes: bytes))
                #expect(decoded.hookType.hasSameBytes(as: hookType), "seed \(seed), round \(round)")
                #expect(decoded.pluginName.hasSameBytes(as: pluginName), "seed \(seed), round \(round)")
                #expect(decoded.payload.value == .object(Oracle.received(payload)), "seed \(seed), round \(round)")
                #expect(decoded.context.values == Oracle.received(context), "seed \(seed), round \(round)")
                #expect(decoded.context.changes == nil)
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func responsesMeanTheSameOnBothSides(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<60 {
            let context = random.maybe { $0.context() }
            let name = random.text()
            let answer: InvokeHookResponse
            let expected: InvokeHookResponse
            var message = Mcpgateway_Plugins_InvokeHookResponse.with {
                $0.pluginName = name
                if let context { $0.context = Oracle.message(context) }
            }
            if random.chance(oneIn: 4) {
                let error = random.error()
                answer = InvokeHookResponse(pluginName: name, outcome: .error(error), context: context)
                message.error = Oracle.message(error)
                var received = error
                received.details = Oracle.received(error.details)
                expected = InvokeHookResponse(
                    pluginName: name, outcome: .error(received), context: context.map { Oracle.received($0) })
            } else {
                let result = random.result()
                answer = InvokeHookResponse(pluginName: name, outcome: .result(result), context: context)
                message.result = Oracle.message(Oracle.object(result))
                expected = InvokeHookResponse(
                    pluginName: name, outcome: .result(Oracle.received(result)),
                    context: context.map { Oracle.received($0) })
            }

            let ours = try answer.encoded().array
            let theirs = try Oracle.decode(Mcpgateway_Plugins_InvokeHookResponse.self, ours)
            #expect(theirs == message, "seed \(seed), round \(round)")
            for bytes in [ours, try message.serializedBytes()] {
                let decoded = try InvokeHookResponse(decoding: ByteBuffer(bytes: bytes))
                #expect(decoded == expected, "seed \(seed), round \(round)")
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func messagesThatAreSplitInTwoAreMergedAsProtobufSays(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<60 {
            // The encoding of a merged message is that of its parts one after the other, at every level.
            let parts = try (0..<2).map { _ in
                let payload = WireBytes.field(3, random.strangeStruct(depth: 2))
                let context = try Oracle.message(random.context()).serializedBytes() as [UInt8]
                return payload + WireBytes.field(4, context)
            }
            let bytes = parts[0] + random.unknownField(6) + parts[1]
            let theirs = try Oracle.decode(Mcpgateway_Plugins_InvokeHookRequest.self, bytes)
            let ours = try InvokeHookRequest(decoding: ByteBuffer(bytes: bytes))
            #expect(ours.payload.value == .object(Oracle.object(theirs.payload)), "seed \(seed), round \(round)")
            let again = try InvokeHookRequest(decoding: ByteBuffer(bytes: theirs.serializedBytes() as [UInt8]))
            #expect(ours.context.values == again.context.values, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func brokenMessagesNeverEndTheProcess(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var accepted = 0
        for round in 0..<250 {
            let request = try InvokeHookRequest(
                hookType: "tool_pre_invoke", pluginName: "p", payload: Document(object: random.object(depth: 1)),
                context: PluginContext(random.context())
            ).encoded().array
            let bytes = random.mutated(request)
            let theirs = try? Oracle.decode(Mcpgateway_Plugins_InvokeHookRequest.self, bytes)
            do throws(WireError) {
                let ours = try InvokeHookRequest(decoding: ByteBuffer(bytes: bytes))
                accepted += 1
                // What was accepted must decode, now that it is looked at.
                _ = ours.payload.value
                _ = ours.context.values
                let agreed = theirs?.hookType == ours.hookType || OracleFault.touches(bytes, .request)
                #expect(agreed, "seed \(seed), round \(round): \(bytes)")
            } catch {
                let agreed = theirs == nil || error.code == .number || OracleFault.touches(bytes, .request)
                #expect(agreed, "seed \(seed), round \(round): \(error) \(bytes)")
            }
            let answer = try InvokeHookResponse(
                pluginName: "p", outcome: .result(random.result()), context: random.context()
            ).encoded().array
            _ = try? InvokeHookResponse(decoding: ByteBuffer(bytes: random.mutated(answer)))
        }
        #expect(accepted > 5, "the mutations are too wild to reach what lies behind the check")
    }

    @Test func configurationMessagesMeanTheSameOnBothSides() throws {
        let entry: ValueObject = ["name": "P", "hooks": ["tool_pre_invoke"], "version": nil, "priority": 100]
        let found = try GetPluginConfigResponse(config: Document(object: entry)).encoded().array
        let foundThere = try Oracle.decode(Mcpgateway_Plugins_GetPluginConfigResponse.self, found)
        #expect(foundThere.found)
        #expect(Oracle.object(foundThere.config) == entry)
        #expect(try GetPluginConfigResponse(decoding: ByteBuffer(bytes: found)).config?.value == .object(entry))

        let absent = try GetPluginConfigResponse(config: nil).encoded().array
        #expect(try !Oracle.decode(Mcpgateway_Plugins_GetPluginConfigResponse.self, absent).found)
        #expect(try GetPluginConfigResponse(decoding: ByteBuffer(bytes: absent)).config == nil)

        let list = GetPluginConfigsResponse(configs: [
            Document(object: entry), Document(object: [:]), Document(["x": 1]),
        ])
        let listed = try list.encoded().array
        let listedThere = try Oracle.decode(Mcpgateway_Plugins_GetPluginConfigsResponse.self, listed)
        #expect(listedThere.configs.map(Oracle.object) == [entry, [:], ["x": 1]])
        #expect(try GetPluginConfigsResponse(decoding: ByteBuffer(bytes: listed)) == list)

        let request = try GetPluginConfigRequest(name: "Grüße").encoded().array
        #expect(try Oracle.decode(Mcpgateway_Plugins_GetPluginConfigRequest.self, request).name == "Grüße")
        #expect(try GetPluginConfigRequest(decoding: ByteBuffer(bytes: request)).name == "Grüße")
        #expect(try GetPluginConfigsRequest().encoded().readableBytes == 0)
        #expect(throws: WireError.self) { try GetPluginConfigsRequest(decoding: ByteBuffer(bytes: [0xFF])) }
    }

    @Test func healthMessagesMeanTheSameOnBothSides() throws {
        let request = try HealthCheckRequest(service: "cpex.PluginService").encoded().array
        #expect(try Oracle.decode(Mcpgateway_Plugins_HealthCheckRequest.self, request).service == "cpex.PluginService")
        #expect(try HealthCheckRequest(decoding: ByteBuffer(bytes: request)).service == "cpex.PluginService")
        for status in [HealthCheckResponse.Status.unknown, .serving, .notServing, .serviceUnknown] {
            let answer = try HealthCheckResponse(status: status).encoded().array
            let there = try Oracle.decode(Mcpgateway_Plugins_HealthCheckResponse.self, answer)
            #expect(there.status.rawValue == Int(status.rawValue))
            #expect(try HealthCheckResponse(decoding: ByteBuffer(bytes: answer)).status == status)
        }
        let later = ByteBuffer(bytes: WireBytes.field(1, varint: 77))
        #expect(try HealthCheckResponse(decoding: later).status == .unknown)
    }
}
