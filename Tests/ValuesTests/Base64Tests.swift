// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import Testing
import Values

@Suite struct Base64Tests {
    /// RFC 4648, section 10, and what the two alphabets differ in.
    @Test(
        arguments: [
            ("", "", ""), ("f", "Zg==", "Zg"), ("fo", "Zm8=", "Zm8"), ("foo", "Zm9v", "Zm9v"),
            ("foob", "Zm9vYg==", "Zm9vYg"), ("fooba", "Zm9vYmE=", "Zm9vYmE"), ("foobar", "Zm9vYmFy", "Zm9vYmFy"),
            ("~~?>", "fn4/Pg==", "fn4_Pg"), ("ï¾ï", "w6/CvsOv", "w6_CvsOv"),
        ])
    func knownTexts(plain: String, standard: String, url: String) {
        #expect(Base64.standard.encode(plain.utf8) == standard)
        #expect(Base64.url.encode(plain.utf8) == url)
        #expect(Base64.standard.decode(standard.utf8) == Array(plain.utf8))
        #expect(Base64.url.decode(url.utf8) == Array(plain.utf8))
    }

    @Test(
        "One text for each value",
        arguments: [
            "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "Zm9v=", "Zm9vY", "Zm-v", "Zm_v", "Zm 9v", "Zm9v\n", "=", "==",
            "====",
            "Zg=v", "Z===", "=Zg=",
        ])
    func whatIsNoStandardText(text: String) {
        #expect(Base64.standard.decode(text.utf8) == nil)
    }

    @Test("One text for each value", arguments: ["Z", "Zh", "Zm9", "Zg==", "Zm9vY", "Zm+v", "Zm/v", "Zm 9v", "=", "é"])
    func whatIsNoURLText(text: String) {
        #expect(Base64.url.decode(text.utf8) == nil)
    }

    @Test(arguments: SeededGenerator.seeds)
    func everythingComesBack(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(Base64.standard.decode(Base64.standard.encode(bytes).utf8) == bytes)
            #expect(Base64.url.decode(Base64.url.encode(bytes).utf8) == bytes)
        }
    }
}
