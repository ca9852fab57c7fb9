// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import SwiftProtobuf
import Testing
import Values

@testable import PluginWire

struct InvokeHookRequestTests {
    private func request(payload: ValueObject = [:], context: ContextValues? = nil) -> InvokeHookRequest {
        InvokeHookRequest(
            hookType: "tool_pre_invoke", pluginName: "P", payload: Document(object: payload),
            context: PluginContext(context ?? ContextValues(global: GlobalContext(requestID: "r"))))
    }

    @Test func anEmptyMessageIsARequestWithoutAnything() throws {
        let request = try InvokeHookRequest(decoding: ByteBuffer())
        #expect(request.hookType.isEmpty && request.pluginName.isEmpty)
        #expect(request.payload.value == [:])
        #expect(request.context.values == ContextValues(global: GlobalContext(requestID: "")))
    }

    @Test func aUserIsATextOrAnObjectAndAnEmptyTextIsNotNone() throws {
        for user in [nil, "", "alice@example.com", ["email": "a@b", "groups": ["x"]], [:]] as [Value?] {
            var context = ContextValues(global: GlobalContext(requestID: "r"))
            context.global.user = user
            let decoded = try InvokeHookRequest(decoding: request(context: context).encoded())
            #expect(decoded.context.global.user == user)
        }
        var context = ContextValues(global: GlobalContext(requestID: "r"))
        context.global.user = 7
        let error = #expect(throws: WireError.self) { try request(context: context).encoded() }
        #expect(error?.path == ["context", "global_context", "user"])
    }

    @Test func theLaterOfTwoUsersWins() throws {
        let name = WireBytes.field(4, "alice")
        let object = WireBytes.field(5, WireBytes.entry("a", WireBytes.field(4, varint: 1)))
        let more = WireBytes.field(5, WireBytes.entry("b", WireBytes.field(4, varint: 0)))
        for (fields, expected) in [
            (name + object, ["a": true]), (object + name, "alice"), (object + more, ["a": true, "b": false]),
            (object + name + more, ["b": false]),
        ] as [([UInt8], Value)] {
            let bytes = WireBytes.field(4, WireBytes.field(1, fields))
            let decoded = try InvokeHookRequest(decoding: ByteBuffer(bytes: bytes))
            #expect(decoded.context.global.user == expected)
        }
    }

    @Test func errorsNameTheFieldWhereverItLies() throws {
        let bad: [UInt8] = [0xFF]
        let badEntry = WireBytes.entry("a", WireBytes.field(5, WireBytes.entry("b", WireBytes.field(3, bad))))
        for (bytes, path) in [
            (WireBytes.field(1, bad), ["hook_type"]),
            (WireBytes.field(2, bad), ["plugin_name"]),
            (WireBytes.field(3, badEntry), ["payload", "a", "b"]),
            (WireBytes.field(4, WireBytes.field(2, badEntry)), ["context", "state", "a", "b"]),
            (WireBytes.field(4, WireBytes.field(3, badEntry)), ["context", "metadata", "a", "b"]),
            (
                WireBytes.field(4, WireBytes.field(1, WireBytes.field(1, bad))),
                ["context", "global_context", "request_id"]
            ),
            (
                WireBytes.field(4, WireBytes.field(1, WireBytes.field(4, bad))),
                ["context", "global_context", "user_string"]
            ),
            (
                WireBytes.field(4, WireBytes.field(1, WireBytes.field(5, badEntry))),
                ["context", "global_context", "user_struct", "a", "b"]
            ),
            (
                WireBytes.field(4, WireBytes.field(1, WireBytes.field(7, badEntry))),
                ["context", "global_context", "state", "a", "b"]
            ),
        ] {
            let error = #expect(throws: WireError.self) { try InvokeHookRequest(decoding: ByteBuffer(bytes: bytes)) }
            #expect(error?.code == .invalidText)
            #expect(error?.path == path)
            #expect(error?.offset.map { bytes[$0] } == 0xFF)
        }
    }

    @Test func aCutRequestIsRefusedOrLacksItsLastFields() throws {
        let whole = try request(payload: ["name": "search", "args": ["q": "x", "n": [1, 2.5, nil]]]).encoded().array
        let theirs = try Oracle.decode(Mcpgateway_Plugins_InvokeHookRequest.self, whole)
        var ends = 0
        for length in 0..<whole.count {
            guard let shorter = try? InvokeHookRequest(decoding: ByteBuffer(bytes: whole[..<length])) else { continue }
            ends += 1
            #expect(shorter.context.global.requestID.isEmpty)
            #expect(shorter.hookType.isEmpty || shorter.hookType == theirs.hookType)
        }
        // Only between its four fields, and before the first.
        #expect(ends == 4)
    }

    @Test func aRequestInTheMiddleOfABufferIsReadFromThere() throws {
        let whole = try request(payload: ["name": "search"]).encoded()
        var buffer = ByteBuffer(string: "12345")
        buffer.writeImmutableBuffer(whole)
        buffer.writeString("behind")
        let slice = try #require(buffer.getSlice(at: 5, length: whole.readableBytes))
        var moved = slice
        moved.reserveCapacity(4096)
        for bytes in [slice, moved] {
            let decoded = try InvokeHookRequest(decoding: bytes)
            #expect(decoded.payload["name"] == "search")
            #expect(decoded.context.global.requestID == "r")
        }
        buffer.moveReaderIndex(forwardBy: 5)
        let front = buffer.readSlice(length: whole.readableBytes)
        #expect(try InvokeHookRequest(decoding: #require(front)).payload.value == ["name": "search"])
    }

    @Test func aPayloadThatIsNoObjectCannotBeSent() {
        var faulty = request()
        faulty.payload = Document([1, 2])
        let error = #expect(throws: WireError.self) { try faulty.encoded() }
        #expect(error?.code == .type)
        #expect(error?.path == ["payload"])
    }

    @Test func aFailedEncodingAppendsNothing() {
        var buffer = ByteBuffer(string: "x")
        #expect(throws: WireError.self) { try request(payload: ["n": .double(.nan)]).encode(into: &buffer) }
        #expect(buffer == ByteBuffer(string: "x"))
    }

    @Test func fiveMebibytesPassBothWays() throws {
        let text = String(repeating: "Grüße, 世界! ", count: 5 * 1024 * 1024 / 18)
        let numbers = Value.array((0..<20_000).map { .double(Double($0) + 0.5) })
        let many = ValueObject((0..<20_000).map { ("key \($0)", .int($0)) })
        let payload: ValueObject = ["name": "big", "text": .string(text), "numbers": numbers, "many": .object(many)]
        let bytes = try request(payload: payload).encoded()
        #expect(bytes.readableBytes > 5 * 1024 * 1024)
        let decoded = try InvokeHookRequest(decoding: bytes)
        #expect(decoded.payload["name"] == "big")
        #expect(decoded.payload.value == .object(payload))

        let theirs = try Oracle.decode(Mcpgateway_Plugins_InvokeHookRequest.self, bytes.array)
        #expect(theirs.payload.fields["text"]?.stringValue == text)
        #expect(theirs.payload.fields["many"]?.structValue.fields.count == 20_000)
        let back = try InvokeHookRequest(decoding: ByteBuffer(bytes: theirs.serializedBytes() as [UInt8]))
        #expect(back.payload.value == .object(payload))
    }
}
