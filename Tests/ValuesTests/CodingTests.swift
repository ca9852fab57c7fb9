// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Values

private struct Rule: DefaultDecodable, Equatable {
    var search = ""
    var replace = "*"
}

private struct Options: DefaultDecodable, Equatable {
    enum Strategy: String, Codable { case redact, partial }
    struct Limits: Codable, Equatable {
        var low = 1
        var high: UInt8 = 9
    }

    var detectSSN = true
    var maxItems = 3
    var ratio = 0.5
    var name: String?
    var strategy = Strategy.redact
    var limits = Limits()
    var rules: [Rule] = []
    var words: [String] = ["x"]
    var extra: Value = .null
    var labels: [String: String] = [:]
}

@Suite struct CodingTests {
    private func decode(_ value: Value) throws -> Options {
        try ValueDecoder.decode(Options.self, from: value, defaults: ValueEncoder.encode(Options()))
    }

    @Test func absentKeysKeepTheirDefaults() throws {
        #expect(try decode([:]) == Options())
        #expect(try decode(["limits": ["low": 5]]).limits == .init(low: 5, high: 9))
        #expect(try decode(["rules": [["search": "a"]]]).rules == [Rule(search: "a")])
    }

    @Test func keysMayBeWrittenInSnakeCase() throws {
        let options = try decode(["max_items": 7, "detect_ssn": false, "ratio": 2, "strategy": "partial"])
        #expect(options.maxItems == 7)
        #expect(!options.detectSSN)
        #expect(options.ratio == 2)
        #expect(options.strategy == .partial)
        #expect(try decode(["maxItems": 8]).maxItems == 8)
    }

    @Test func valuesAreTakenAsTheyAre() throws {
        let options = try decode(["extra": ["a": [1, nil]], "labels": ["k": "v"], "name": "n"])
        #expect(options.extra == ["a": [1, nil]])
        #expect(options.labels == ["k": "v"])
        #expect(options.name == "n")
    }

    @Test(
        arguments: [
            (["max_itmes": 1], "max_itmes", "did you mean \"max_items\"?"),
            (["limits": ["hihg": 1]], "limits.hihg", "did you mean \"high\"?"),
            (["rules": [["search": "a"], ["serch": "b"]]], "rules.1.serch", "did you mean \"search\"?"),
            (["max_items": "many"], "max_items", "must be an integer, not a string"),
            (["limits": ["high": 256]], "limits.high", "must be between 0 and 255"),
            (["limits": 3], "limits", "must be an object"),
            (["words": [1]], "words.0", "must be a string"),
            (["detect_ssn": 1], "detect_ssn", "must be true or false"),
            (["max_items": nil], "max_items", "must be an integer, not null"),
        ] as [(Value, String, String)])
    func errorsNameThePathAndTheRemedy(value: Value, path: String, message: String) {
        let error = #expect(throws: ValueError.self) { try decode(value) }
        #expect(error?.path == path)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    }

    @Test func aTypeWithoutKeysAcceptsNone() {
        struct Nothing: DefaultDecodable {}
        #expect(throws: ValueError.self) { try ValueDecoder.decode(Nothing.self, from: ["a": 1]) }
        #expect(throws: Never.self) { try ValueDecoder.decode(Nothing.self, from: [:]) }
    }

    @Test(arguments: [
        ("maxItems", "max_items"), ("detectSSN", "detect_ssn"), ("URLList", "url_list"), ("a", "a"),
        ("already_snake", "already_snake"),
        ("ipV4Address", "ip_v4_address"),
    ])
    func namesTurnIntoSnakeCase(name: String, expected: String) {
        #expect(name.snakeCased == expected)
    }

    @Test func suggestsOnlyWhatIsNear() {
        #expect("enfroce".closestMatch(among: ["enforce", "permissive"]) == "enforce")
        #expect("zebra".closestMatch(among: ["enforce", "permissive"]) == nil)
    }
}
