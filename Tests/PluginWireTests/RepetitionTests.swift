// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import Testing
import Values

@testable import PluginWire

/// Fields that repeat are merged.
///
/// A sender who repeats them without end must not make that cost more than its bytes.
@Suite(.timeLimit(.minutes(2)))
struct RepetitionTests {
    private static let count = 40_000

    /// A Struct of many members.
    private static let large = (0..<count).flatMap { WireBytes.entry("key \($0)", WireBytes.field(4, varint: 1)) }

    /// A field with many members, then the same field again and again with one.
    private static func repeated(_ number: UInt64, _ wrap: ([UInt8]) -> [UInt8] = { $0 }) -> [UInt8] {
        let small = WireBytes.field(number, wrap(WireBytes.entry("again", WireBytes.field(4, varint: 1))))
        return WireBytes.field(number, wrap(large)) + Array(repeatElement(small, count: count).joined())
    }

    @Test func payloads() throws {
        let request = try InvokeHookRequest(decoding: ByteBuffer(bytes: Self.repeated(3)))
        #expect(request.payload["again"] == true)
        #expect(request.payload.value.objectValue?.count == Self.count + 1)
    }

    @Test(arguments: [5, 6, 7] as [UInt64])
    func partsOfTheGlobalContext(number: UInt64) throws {
        let bytes = WireBytes.field(4, WireBytes.field(1, Self.repeated(number)))
        let global = try InvokeHookRequest(decoding: ByteBuffer(bytes: bytes)).context.global
        #expect((global.user?.objectValue ?? [:]).count + global.metadata.count + global.state.count == Self.count + 1)
    }

    @Test func objectsWithinAValue() throws {
        let object = try decodeStruct(WireBytes.entry("a", Self.repeated(5)))
        #expect(object["a"]?.objectValue?.count == Self.count + 1)
    }

    @Test func listsWithinAValue() throws {
        let element = WireBytes.field(1, WireBytes.field(4, varint: 1))
        let large = WireBytes.field(6, Array(repeatElement(element, count: Self.count).joined()))
        let bytes = large + Array(repeatElement(WireBytes.field(6, element), count: Self.count).joined())
        let object = try decodeStruct(WireBytes.entry("a", bytes))
        #expect(object["a"]?.arrayValue?.count == 2 * Self.count)
    }

    @Test func valuesWithinAnEntryOfAResult() throws {
        let entry = WireBytes.field(1, WireBytes.field(1, "metadata") + Self.repeated(2) { WireBytes.field(5, $0) })
        let answer = try InvokeHookResponse(decoding: ByteBuffer(bytes: WireBytes.field(2, entry)))
        guard case .result(let result) = answer.outcome else {
            Issue.record("not a result")
            return
        }
        #expect(result.metadata.count == Self.count + 1)
    }

    @Test func errorsAndResultBases() throws {
        let error = Self.repeated(4) { WireBytes.field(4, $0) }
        guard case .error(let failure) = try InvokeHookResponse(decoding: ByteBuffer(bytes: error)).outcome else {
            Issue.record("not an error")
            return
        }
        #expect(failure.details.count == Self.count + 1)

        let base = Self.repeated(5) { WireBytes.field(2, WireBytes.field(5, $0)) }
        guard case .result(let result) = try InvokeHookResponse(decoding: ByteBuffer(bytes: base)).outcome else {
            Issue.record("not a result")
            return
        }
        #expect(result.violation?.details.count == Self.count + 1)
    }

    @Test func contextsOfAnswers() throws {
        let context = Self.repeated(3) { WireBytes.field(2, $0) }
        let bytes = WireBytes.field(2, []) + context
        let answer = try InvokeHookResponse(decoding: ByteBuffer(bytes: bytes))
        #expect(answer.context?.state.count == Self.count + 1)
    }

    @Test func equalKeys() throws {
        let object = try decodeStruct(Self.large + Self.large + Self.large)
        #expect(object.count == Self.count)
    }
}
