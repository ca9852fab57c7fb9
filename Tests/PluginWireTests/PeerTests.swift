// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import SwiftProtobuf
import Testing
import Values

@testable import PluginWire

/// What peers of ours add to the contract.
struct PeerTests {
    private let context = ContextValues(
        global: GlobalContext(
            requestID: "r", user: "u", userContext: ["roles": ["admin"], "id": .int(9_007_199_254_740_993)],
            contentType: "application/json", state: ["n": .int(.max)]))

    private let payload: ValueObject = [
        "large": .int(9_007_199_254_740_993), "least": .int(.min), "most": .int(.max), "small": 1, "whole": 1.0,
        "zero": 0.0, "minus": -0.0, "half": 0.5, "huge": 1e300, "list": [.int(-9_007_199_254_740_993), 2.0, 2],
        "edge": .int(9_007_199_254_740_992), "edgeDouble": 9_007_199_254_740_992.0,
    ]

    private func request(_ features: WireFeatures) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try InvokeHookRequest(
            hookType: "h", pluginName: "p", payload: Document(object: payload), context: PluginContext(context)
        ).encode(into: &buffer, features: features)
        return Array(buffer.readableBytesView)
    }

    @Test func betweenOurPeersNumbersAndTheWholeContextArrive() throws {
        let decoded = try InvokeHookRequest(decoding: ByteBuffer(bytes: request(.all)))
        #expect(decoded.payload.value == .object(payload))
        for member in payload { #expect(decoded.payload[member.key] == member.value) }
        #expect(decoded.context.values == context)

        let answer = InvokeHookResponse(
            pluginName: "p", outcome: .result(PluginResult(modifiedPayload: Document(object: payload))),
            context: context)
        var buffer = ByteBuffer()
        try answer.encode(into: &buffer, features: .all)
        #expect(try InvokeHookResponse(decoding: buffer) == answer)
    }

    @Test func othersAreSentNothingBeyondTheContract() throws {
        let decoded = try InvokeHookRequest(decoding: ByteBuffer(bytes: request([])))
        #expect(decoded.context.values.global.userContext == nil)
        #expect(decoded.context.values.global.contentType == nil)
        #expect(decoded.payload["large"] == .int(9_007_199_254_740_992))
        #expect(decoded.payload["most"] == .double(0x1p63))
        let theirs = try Mcpgateway_Plugins_InvokeHookRequest(serializedBytes: request([]))
        #expect(theirs.unknownFields.data.isEmpty)
        #expect(theirs.payload.fields.values.allSatisfy { $0.unknownFields.data.isEmpty })
        #expect(theirs.context.globalContext.unknownFields.data.isEmpty)
    }

    @Test func othersThatGetItAllTheSameSeeTheContractAlone() throws {
        var theirs = try Mcpgateway_Plugins_InvokeHookRequest(serializedBytes: request(.all))
        let plain = try Mcpgateway_Plugins_InvokeHookRequest(serializedBytes: request([]))
        #expect(theirs != plain)
        theirs = try Mcpgateway_Plugins_InvokeHookRequest(jsonString: theirs.jsonString())
        #expect(theirs == (try Mcpgateway_Plugins_InvokeHookRequest(jsonString: plain.jsonString())))
    }

    @Test func bytesThatCameFromAPeerOfOursGoToOthersWithoutWhatTheyDoNotKnow() throws {
        let received = try InvokeHookRequest(decoding: ByteBuffer(bytes: request(.all)))
        #expect(received.payload.encoded != nil)
        var buffer = ByteBuffer()
        try InvokeHookRequest(
            hookType: "h", pluginName: "p", payload: received.payload,
            context: PluginContext(global: GlobalContext(requestID: "r"))
        ).encode(into: &buffer)
        let theirs = try Mcpgateway_Plugins_InvokeHookRequest(serializedBytes: Array(buffer.readableBytesView))
        #expect(theirs.payload.fields.values.allSatisfy { $0.unknownFields.data.isEmpty })
        #expect(theirs.payload.fields["large"]?.numberValue == 9_007_199_254_740_992)

        var answer = ByteBuffer()
        try InvokeHookResponse(
            pluginName: "p", outcome: .result(PluginResult(modifiedPayload: received.payload))
        ).encode(into: &answer)
        let bytes = Array(answer.readableBytesView)
        #expect(!zip(bytes, bytes.dropFirst()).contains { ($0 == 0xC0 || $0 == 0xC8) && $1 == 0x3E })
    }

    @Test func anExactIntegerCountsOnlyIfItIsTheNumber() throws {
        // number_value 2^53, and an exact integer that is none of those it is the nearest double of.
        for (exact, expected): (Int64, Value) in [
            (9_007_199_254_740_993, .int(9_007_199_254_740_993)), (5, .int(9_007_199_254_740_992)),
        ] {
            var value = Gatehouse_V1_NumberFields()
            value.exactInteger = exact
            var number = Google_Protobuf_Value()
            number.numberValue = 9_007_199_254_740_992
            let bytes = try number.serializedBytes() + (value.serializedBytes() as [UInt8])
            let entry: [UInt8] = [0x0A, 1, UInt8(ascii: "n"), 0x12, UInt8(bytes.count)] + bytes
            let document = try EncodedStruct(checking: ByteBuffer(bytes: [0x0A, UInt8(entry.count)] + entry))
            #expect(document.member("n") == expected)
            #expect(document.decode()["n"] == expected)
        }
    }

    @Test func anExactIntegerBehindSomethingElseDoesNotCount() throws {
        // A number, then text, then an exact integer: the text is the value.
        var number = Google_Protobuf_Value()
        number.numberValue = 1
        var text = Google_Protobuf_Value()
        text.stringValue = "t"
        var exact = Gatehouse_V1_NumberFields()
        exact.exactInteger = 1
        exact.isDouble = true
        let bytes = try number.serializedBytes() + (text.serializedBytes() as [UInt8]) + exact.serializedBytes()
        let entry: [UInt8] = [0x0A, 1, UInt8(ascii: "n"), 0x12, UInt8(bytes.count)] + bytes
        let document = try EncodedStruct(checking: ByteBuffer(bytes: [0x0A, UInt8(entry.count)] + entry))
        #expect(document.member("n") == "t")
    }

    @Test func aDescriptionIsTheGeneratedMessage() throws {
        let description = PeerDescription(
            product: "gatehouse", version: "1", features: [.init(name: "a", version: 1), .init(name: "", version: 0)])
        let message = Gatehouse_V1_PeerDescription.with {
            $0.product = "gatehouse"
            $0.version = "1"
            $0.features = [
                .with {
                    $0.name = "a"
                    $0.version = 1
                }, .init(),
            ]
        }
        #expect(
            try Gatehouse_V1_PeerDescription(serializedBytes: Array(description.encoded().readableBytesView)) == message
        )
        #expect(try PeerDescription(decoding: ByteBuffer(bytes: message.serializedBytes() as [UInt8])) == description)
        #expect(throws: WireError.self) { try PeerDescription(decoding: ByteBuffer(bytes: [0x1A, 9])) }
    }

    @Test func onlyWhatIsKnownInItsVersionIsShared() {
        #expect(WireFeatures(announced: WireFeatures.all.announcement) == .all)
        #expect(WireFeatures(announced: [.init(name: "lossless_numbers", version: 1)]) == .losslessNumbers)
        #expect(WireFeatures(announced: [.init(name: "lossless_numbers", version: 2)]) == [])
        #expect(WireFeatures(announced: [.init(name: "teleport", version: 1)]) == [])
    }
}
