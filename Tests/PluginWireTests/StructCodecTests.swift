// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import Values

@testable import PluginWire

/// Decodes a Struct both ways, at once and after a check, and requires that they agree.
func decodeStruct(_ bytes: [UInt8]) throws(WireError) -> ValueObject {
    let buffer = ByteBuffer(bytes: bytes)
    let checked: EncodedStruct?
    let checkError: WireError?
    do throws(WireError) {
        checked = try EncodedStruct(checking: buffer)
        checkError = nil
    } catch {
        checked = nil
        checkError = error
    }
    do throws(WireError) {
        let object = try buffer.withWireReader { (reader: inout WireReader) throws(WireError) in
            var object = ValueObject()
            try reader.decodeStruct(into: &object, depth: 1)
            return object
        }
        #expect(checkError == nil, "the check refuses what decodes")
        #expect(checked?.decode() == .object(object))
        return object
    } catch {
        #expect(checked == nil, "the check accepts what does not decode")
        #expect(checkError?.code == error.code)
        #expect(checkError?.offset == error.offset)
        throw error
    }
}

func encodeStruct(_ object: ValueObject) throws(WireError) -> [UInt8] {
    var writer = WireWriter()
    try writer.structContent(object, depth: 1)
    var buffer = ByteBuffer()
    writer.finish(into: &buffer)
    return buffer.array
}

struct StructNumberTests {
    @Test(arguments: [
        (0.0, Value.int(0)),
        (1.0, .int(1)),
        (-1.0, .int(-1)),
        (9_007_199_254_740_991, .int(9_007_199_254_740_991)),
        (9_007_199_254_740_992, .int(9_007_199_254_740_992)),
        (-9_007_199_254_740_992, .int(-9_007_199_254_740_992)),
        (9_007_199_254_740_994, .double(9_007_199_254_740_994)),
        (-9_007_199_254_740_994, .double(-9_007_199_254_740_994)),
        (9_223_372_036_854_775_808, .double(9_223_372_036_854_775_808)),
        (0.5, .double(0.5)),
        (-0.1, .double(-0.1)),
        (1e300, .double(1e300)),
        (Double.leastNonzeroMagnitude, .double(.leastNonzeroMagnitude)),
        (Double.greatestFiniteMagnitude, .double(.greatestFiniteMagnitude)),
    ])
    func aWholeNumberWithin53BitsArrivesAsAnInteger(number: Double, expected: Value) throws {
        let object = try decodeStruct(WireBytes.entry("n", WireBytes.field(2, double: number)))
        #expect(object["n"] == expected)
    }

    @Test func minusZeroStaysADoubleWithItsSign() throws {
        let object = try decodeStruct(WireBytes.entry("n", WireBytes.field(2, double: -0.0)))
        guard case .double(let number)? = object["n"] else {
            Issue.record("not a double: \(String(describing: object["n"]))")
            return
        }
        #expect(number.sign == .minus && number == 0)
        #expect(try encodeStruct(object) == WireBytes.entry("n", WireBytes.field(2, double: -0.0)))
    }

    @Test(arguments: [
        (Value.int(0), 0.0),
        (.int(-7), -7),
        (.int(9_007_199_254_740_993), 9_007_199_254_740_992),
        (.int(.max), 9_223_372_036_854_775_808),
        (.int(.min), -9_223_372_036_854_775_808),
        (.double(2), 2),
    ])
    func integersAreSentAsTheNearestDouble(value: Value, expected: Double) throws {
        #expect(try encodeStruct(["n": value]) == WireBytes.entry("n", WireBytes.field(2, double: expected)))
    }

    @Test(arguments: [Double.nan, .signalingNaN, .infinity, -.infinity])
    func aNumberThatIsNotFiniteIsRefusedInBothDirections(number: Double) throws {
        let bytes = WireBytes.entry(
            "a", WireBytes.field(6, WireBytes.field(1, []) + WireBytes.field(1, WireBytes.field(2, double: number))))
        let received = #expect(throws: WireError.self) { try decodeStruct(bytes) }
        #expect(received?.code == .number)
        #expect(received?.path == ["a", "1"])

        let sent = #expect(throws: WireError.self) { try encodeStruct(["a": [nil, .double(number)]]) }
        #expect(sent?.code == .number)
        #expect(sent?.path == ["a", "1"])
        #expect(sent?.description.hasSuffix("use null or a string instead") == true)
    }
}

struct StructCodecTests {
    @Test func allKindsKeepTheirValueAndOrder() throws {
        let object: ValueObject = [
            "z": nil, "a": true, "m": false, "": "", "text": "Grüße 👋", "int": 42, "double": 2.5, "empty": [:],
            "none": [],
            "list": [1, "two", [3], ["four": 4], nil],
        ]
        let decoded = try decodeStruct(encodeStruct(object))
        #expect(decoded == object)
        #expect(decoded.keys == object.keys)
    }

    @Test func ofEqualKeysTheLastWinsInThePlaceOfTheFirst() throws {
        let bytes =
            WireBytes.entry("a", WireBytes.field(3, "old")) + WireBytes.entry("b", WireBytes.field(3, "b"))
            + WireBytes.entry("a", WireBytes.field(3, "new"))
        let object = try decodeStruct(bytes)
        #expect(object == ["a": "new", "b": "b"])
        #expect(object.keys == ["a", "b"])
        #expect(try EncodedStruct(checking: ByteBuffer(bytes: bytes)).member("a") == "new")
    }

    @Test func keysThatAreCanonicallyEquivalentStayTwo() throws {
        let object: ValueObject = ["\u{E9}": 1, "e\u{301}": 2]
        #expect(object.count == 2)
        let decoded = try decodeStruct(encodeStruct(object))
        #expect(decoded == object)
        #expect(decoded.count == 2)
    }

    @Test func aValueWithoutAKindIsNull() throws {
        #expect(try decodeStruct(WireBytes.entry("a", [])) == ["a": nil])
        #expect(try decodeStruct(WireBytes.field(1, WireBytes.field(1, "a"))) == ["a": nil])
    }

    @Test func anEntryWithoutAKeyHasTheEmptyKey() throws {
        let bytes = WireBytes.field(1, WireBytes.field(2, WireBytes.field(4, varint: 1)))
        #expect(try decodeStruct(bytes) == ["": true])
        #expect(try EncodedStruct(checking: ByteBuffer(bytes: bytes)).member("") == true)
    }

    @Test func fieldsThatAreUnknownOrOfAnotherLayoutArePassedOver() throws {
        let unknown =
            WireBytes.field(9, varint: .max) + WireBytes.field(1, varint: 7) + WireBytes.field(1, double: 1)
            + WireBytes.field(1 << 28, [0xFF]) + WireBytes.tag(3, 3) + WireBytes.field(1, "x") + WireBytes.tag(3, 4)
        let value = unknown + WireBytes.field(3, "text") + WireBytes.field(3, varint: 0)
        let entry = WireBytes.field(
            1, unknown + WireBytes.field(1, "k") + unknown + WireBytes.field(2, value) + unknown)
        #expect(try decodeStruct(unknown + entry + unknown) == ["k": "text"])
    }

    @Test func ofSeveralKindsTheLastWins() throws {
        let bytes = WireBytes.entry("a", WireBytes.field(3, "text") + WireBytes.field(2, double: 1))
        #expect(try decodeStruct(bytes) == ["a": 1])
    }

    @Test func objectsAndListsInARowAreMerged() throws {
        let objects =
            WireBytes.field(5, WireBytes.entry("x", WireBytes.field(2, double: 1)))
            + WireBytes.field(5, WireBytes.entry("y", WireBytes.field(2, double: 2)))
        #expect(try decodeStruct(WireBytes.entry("a", objects)) == ["a": ["x": 1, "y": 2]])

        let element = WireBytes.field(1, WireBytes.field(4, varint: 1))
        let lists = WireBytes.field(6, element) + WireBytes.field(6, element)
        #expect(try decodeStruct(WireBytes.entry("a", lists)) == ["a": [true, true]])

        let broken = objects + WireBytes.field(1, varint: 0) + WireBytes.field(5, [])
        #expect(try decodeStruct(WireBytes.entry("a", broken)) == ["a": [:]])
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x61, 0x80],
        ] as [[UInt8]])
    func textThatIsNotUTF8IsRefusedInKeysAndValues(text: [UInt8]) {
        let value = #expect(throws: WireError.self) { try decodeStruct(WireBytes.entry("a", WireBytes.field(3, text))) }
        #expect(value?.code == .invalidText)
        #expect(value?.path == ["a"])
        let key = #expect(throws: WireError.self) { try decodeStruct(WireBytes.field(1, WireBytes.field(1, text))) }
        #expect(key?.code == .invalidText)
    }

    @Test func nestingEndsAtOneHundredLevels() throws {
        for nested in [WireBytes.nestedObjects, WireBytes.nestedLists] {
            let deepest = try decodeStruct(nested(100))
            #expect(try decodeStruct(encodeStruct(deepest)) == deepest)
            for depth in [101, 150, 2000] {
                let error = #expect(throws: WireError.self) { try decodeStruct(nested(depth)) }
                #expect(error?.code == .nesting)
                #expect(error?.path.first == "k")
                #expect((error?.description.utf8.count ?? 0) < 700)
            }
            let sent = #expect(throws: WireError.self) { try encodeStruct(["k": .object(deepest)]) }
            #expect(sent?.code == .nesting)
        }
    }

    @Test func aLengthBeyondTheEndIsRefusedWhateverItClaims() {
        for claim in [1, 127, 1 << 30, 1 << 31, 1 << 32, 1 << 62, UInt64(Int.max), UInt64.max] {
            for number in [1, 7] as [UInt64] {
                let error = #expect(throws: WireError.self) {
                    try decodeStruct(WireBytes.tag(number, 2) + WireBytes.varint(claim))
                }
                #expect(error?.code == .truncated)
            }
        }
    }

    @Test func aCutMessageIsRefusedOrAnEarlierOne() throws {
        let object: ValueObject = [
            "name": "search", "args": ["q": "text", "n": 3, "deep": [[1, nil, true], ["x": 0.5]]], "flag": true,
        ]
        let bytes = try encodeStruct(object)
        for length in 0..<bytes.count {
            // A cut between two entries leaves a shorter Struct; all others must be noticed.
            if let shorter = try? decodeStruct(Array(bytes[..<length])) {
                #expect(shorter.count < object.count)
                #expect(shorter.allSatisfy { object[$0.key] == $0.value })
            }
        }
    }

    @Test func anErrorNeverShowsMoreThanTheStartOfAHostileKey() {
        let key = String(repeating: "k\n", count: 1_000_000)
        let error = #expect(throws: WireError.self) {
            try decodeStruct(WireBytes.entry(key, WireBytes.field(2, double: .nan)))
        }
        #expect((error?.description.utf8.count ?? 0) < 700)
        #expect(error?.description.contains("\n") == false)
    }
}
