// SPDX-License-Identifier: Apache-2.0

import Testing
import Values

@Suite struct ValueObjectTests {
    @Test func keepsTheOrderOfItsMembers() {
        var object: ValueObject = ["b": 1, "a": 2]
        object["c"] = 3
        object["b"] = 4
        #expect(object.keys == ["b", "a", "c"])
        #expect(object["b"] == 4)
    }

    @Test func tellsCanonicallyEquivalentKeysApart() {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed)
        let object: ValueObject = [composed: 1, decomposed: 2]
        #expect(object.count == 2)
        #expect(object[composed] == 1)
        #expect(object[decomposed] == 2)
    }

    @Test(arguments: [3, 15, 16, 17, 200]) func findsInsertsAndRemovesAtAnySize(count: Int) {
        var object = ValueObject()
        for number in 0..<count { object["key\(number)"] = .int(Int64(number)) }
        #expect(object.count == count)
        let isNew = object.insert(0, forNewKey: "key1")
        #expect(!isNew)
        for number in stride(from: 0, to: count, by: 2) { object["key\(number)"] = nil }
        #expect(object.count == count / 2)
        for number in 0..<count {
            #expect(object["key\(number)"] == (number % 2 == 0 ? nil : .int(Int64(number))))
        }
        object["key0"] = "back"
        #expect(object.keys.last == "key0")
    }

    @Test func comparesWithoutRegardToOrder() {
        #expect(Value.object(["a": 1, "b": [true, nil]]) == Value.object(["b": [true, nil], "a": 1]))
        #expect(Value.object(["a": 1]) != Value.object(["a": 1.0]))
        #expect(Value.string("\u{E9}") != Value.string("e\u{301}"))
    }

    @Test func buildsAHundredThousandKeysWithoutQuadraticWork() {
        var object = ValueObject()
        for number in 0..<100_000 { object["k\(number)"] = .null }
        #expect(object.count == 100_000)
        #expect(object.contains("k99999"))
    }
}
