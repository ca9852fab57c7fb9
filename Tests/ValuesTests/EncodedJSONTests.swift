// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing
import Values

/// The scanner against the building parser, which is its oracle: the same texts pass, and the same faults are found.
@Suite struct EncodedJSONTests {
    private func checked(_ bytes: [UInt8]) -> Result<EncodedJSON, ValueError> {
        do throws(ValueError) { return .success(try EncodedJSON(checking: bytes)) } catch { return .failure(error) }
    }

    private func parsed(_ bytes: [UInt8]) -> Result<Value, ValueError> {
        do throws(ValueError) { return .success(try JSONParser.decode(bytes)) } catch { return .failure(error) }
    }

    private func expectAgreement(_ bytes: [UInt8]) {
        switch (checked(bytes), parsed(bytes)) {
        case (.success(let json), .success(let value)):
            #expect(json.decode() == value)
            for member in value.objectValue ?? [:] { #expect(json.member(member.key) == member.value) }
            #expect(json.encodedMembers.map(\.key) == (value.objectValue?.keys ?? []))
            #expect(json.encodedElements.map { $0.decode() } == (value.arrayValue ?? []))
        case (.failure(let found), .failure(let expected)):
            #expect(found == expected, "\(String(decoding: bytes, as: UTF8.self))")
        case (.success, .failure(let error)):
            Issue.record("accepted what the parser refuses: \(error): \(String(decoding: bytes, as: UTF8.self))")
        case (.failure(let error), .success):
            Issue.record("refused what the parser accepts: \(error): \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func agreesWithTheParserOnRandomValues() throws {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<2_000 { expectAgreement(try JSONWriter.encode(Value.random(using: &random))) }
    }

    @Test func agreesWithTheParserOnMutatedText() throws {
        var random = SeededGenerator(seed: 22)
        let interesting =
            Array(#"{}[]",:\/0123456789eE+-.tfnu "#.utf8) + [0x0A, 0x00, 0x1F, 0x7F, 0x80, 0xC3, 0xE2, 0xF0]
        for _ in 0..<4_000 {
            var bytes = try JSONWriter.encode(Value.random(using: &random))
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = interesting.randomElement(using: &random) ?? 0
                case 1: bytes.insert(interesting.randomElement(using: &random) ?? 0, at: position)
                default: bytes.remove(at: position)
                }
            }
            expectAgreement(bytes)
        }
    }

    @Test(
        arguments: [
            "", " ", "null", " [1, 2 ,\n3] ", "01", "1.", "1e", "1e999", "-", "-0", "9223372036854775808", "tru",
            #""\ud800""#, #""\ud83d\ude00""#, #""\u00""#, "\"a", "{", "{}", "[", #"{"a":1,"a":2}"#,
            #"{"a":1,"\u0061":2}"#, #"{"a":1 "b":2}"#, #"{"a":{"a":{"a":1}},"b":{"a":1,"a":2}}"#, "1 2", "\u{01}",
            "[1,]", #"{"a":1,}"#, #"["\x"]"#,
        ])
    func agreesWithTheParserOnEdges(text: String) {
        expectAgreement(Array(text.utf8))
    }

    @Test func agreesWithTheParserOnBadUTF8() {
        for text: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0xF0, 0x9F, 0x98, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x5C, 0x6E, 0x22],
        ] { expectAgreement(text) }
    }

    @Test func findsDuplicatesAmongManyKeys() {
        let many = (0..<200).map { "\"k\($0)\":\($0)" }
        expectAgreement(Array("{\(many.joined(separator: ","))}".utf8))
        expectAgreement(Array("{\((many + ["\"k7\":0"]).joined(separator: ","))}".utf8))
        expectAgreement(Array(#"{\#((many + [#""\u006b7":0"#]).joined(separator: ","))}"#.utf8))
    }

    @Test func boundsNesting() {
        for depth in [99, 100, 101, 100_000] {
            expectAgreement(Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8))
        }
    }

    @Test func keepsTheBytesOfWhatIsNotSet() throws {
        let text = #" { "a" : 1.50 , "b":{"x": [1, 2 ]},"c":"\u0041" } "#
        let document = try Document(checkingJSON: Array(text.utf8))
        var writer = JSONWriter()
        writer.write(document.setting("a", to: Document(2)))
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":2,"b":{"x": [1, 2 ]},"c":"\u0041"}"#)
    }

    @Test func setsAddsAndRemovesMembers() throws {
        var random = SeededGenerator(seed: 23)
        for _ in 0..<500 {
            guard case .object(var object) = Value.random(using: &random) else { continue }
            let json = try EncodedJSON(checking: JSONWriter.encode(.object(object)))
            let key = object.keys.randomElement(using: &random) ?? String.random(using: &random)
            let value: Value? = Bool.random(using: &random) ? Value.random(using: &random, depth: 3) : nil
            let changed = json.setting(key, to: value.map { Document($0) })
            object[key] = value
            #expect(changed.decode() == .object(object))
            // What was spliced is JSON to the strict parser as well.
            #expect(try JSONParser.decode(changed.withBytes { Array($0) }) == .object(object))
        }
    }

    @Test func leavesMembersOutAndKeepsTheTextOfTheRest() throws {
        let cases: [(String, [String], String)] = [
            (#" { "a" : 1.50 , "b":[1, 2 ] ,"c":"\u0041" } "#, ["a"], #"{"b":[1, 2 ] ,"c":"\u0041"}"#),
            (#"{"a":1, "b":2, "c":3}"#, ["b"], #"{"a":1,"c":3}"#),
            (#"{"a":1, "b":2, "c":3}"#, ["c"], #"{"a":1, "b":2}"#),
            (#"{"a":1, "b":2, "c":3}"#, ["a", "c"], #"{"b":2}"#), (#"{"a":1,"b":2}"#, ["a", "b"], "{}"),
            (#"{"\u0061":1,"b":2}"#, ["a"], #"{"b":2}"#),
        ]
        for (text, unwanted, expected) in cases {
            let json = try EncodedJSON(checking: Array(text.utf8))
            let rest = json.dropping { member in unwanted.contains(where: member.isNamed) }
            #expect(String(decoding: rest.withBytes { Array($0) }, as: UTF8.self) == expected)
        }
        for text in ["{}", " {} ", #"{"a":1}"#, "[1]", "1"] {
            let json = try EncodedJSON(checking: Array(text.utf8))
            #expect(json.dropping { $0.isNamed("b") } === json)
        }
    }

    @Test func addsMembersBehindTheOthers() throws {
        let cases =
            [("{}", #"{"x":[1 ],"y":"z"}"#), (" { } ", #"{ "x":[1 ],"y":"z"}"#)]
            + [(#"{"a" : 1 } "#, #"{"a" : 1 ,"x":[1 ],"y":"z"}"#)]
        for (text, expected) in cases {
            let document = try Document(checkingJSON: Array(text.utf8))
            let more = document.adding([("x", try Document(checkingJSON: Array("[1 ]".utf8))), ("y", Document("z"))])
            #expect(
                String(decoding: (more.encoded as? EncodedJSON)?.withBytes { Array($0) } ?? [], as: UTF8.self)
                    == expected)
        }
        #expect(Document(object: ["a": 1]).adding([("b", Document(2))]).value == ["a": 1, "b": 2])
        #expect(Document(.null).adding([("b", Document(2))]).value == ["b": 2])
    }

    @Test func takingOutAndAddingIsJSONToTheStrictParser() throws {
        var random = SeededGenerator(seed: 24)
        for _ in 0..<500 {
            guard case .object(var object) = Value.random(using: &random) else { continue }
            let json = try EncodedJSON(checking: JSONWriter.encode(.object(object)))
            let unwanted = Set(object.keys.filter { _ in Bool.random(using: &random) })
            let key = "new \(object.count)"
            let rest = json.dropping { member in unwanted.contains(where: member.isNamed) }.adding([(key, Document(1))])
            for name in unwanted { object[name] = nil }
            object[key] = 1
            #expect(try JSONParser.decode(rest.withBytes { Array($0) }) == .object(object))
        }
    }

    @Test func writesAnUntouchedDocumentInItsOwnBytes() throws {
        let text = #"{"n": 1.0e2, "s": "\/"}"#
        var writer = JSONWriter()
        writer.write(try Document(checkingJSON: Array(text.utf8)))
        #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
        var changed = try Document(checkingJSON: Array(text.utf8))
        changed["n"] = 1
        var second = JSONWriter()
        second.write(changed)
        #expect(String(decoding: second.bytes, as: UTF8.self) == #"{"n":1,"s":"/"}"#)
    }
}
