// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import NIOCore
import SwiftProtobuf
import Testing
import Values

@testable import PluginWire

/// The codec against the generated code of SwiftProtobuf, on random input.
struct StructOracleTests {
    @Test(arguments: SeededGenerator.seeds)
    func whatIsEncodedHereIsDecodedThereAndTheOtherWayRound(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let object = random.object()
            let expected = Oracle.received(object)

            let ours = try encodeStruct(object)
            let theirs = try Oracle.decode(Oracle.Struct.self, ours)
            #expect(Oracle.object(theirs) == expected, "seed \(seed), round \(round)")

            let back = try decodeStruct(Oracle.message(object).serializedBytes())
            #expect(back == expected, "seed \(seed), round \(round)")

            let again = try decodeStruct(ours)
            #expect(again == expected, "seed \(seed), round \(round)")
            #expect(again.keys == object.keys, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func strangeButCorrectEncodingsMeanTheSame(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<600 {
            let bytes = random.strangeStruct()
            let theirs = try Oracle.decode(Oracle.Struct.self, bytes)
            #expect(try decodeStruct(bytes) == Oracle.object(theirs), "seed \(seed), round \(round): \(bytes)")
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func brokenEncodingsAreRefusedByBothOrMeanTheSame(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for round in 0..<2000 {
            let bytes =
                random.chance(oneIn: 4)
                ? (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                : random.mutated(random.strangeStruct(depth: 2))
            let theirs = try? Oracle.decode(Oracle.Struct.self, bytes)
            do {
                let ours = try decodeStruct(bytes)
                guard let theirs else {
                    guard !OracleFault.touches(bytes, .object) else { continue }
                    Issue.record("accepted here alone; seed \(seed), round \(round): \(bytes)")
                    continue
                }
                #expect(
                    ours == Oracle.object(theirs) || OracleFault.touches(bytes, .object),
                    "seed \(seed), round \(round): \(bytes)")
            } catch {
                refused += 1
                // Numbers that are not finite are refused here alone.
                guard theirs != nil, error.code != .number, !OracleFault.touches(bytes, .object) else { continue }
                Issue.record("refused here alone; seed \(seed), round \(round): \(error) \(bytes)")
            }
        }
        #expect(refused > 200, "the mutations are too tame to prove anything")
    }

    @Test(arguments: SeededGenerator.seeds)
    func oneMemberIsWhatItIsInTheWhole(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let encoded = try EncodedStruct(checking: ByteBuffer(bytes: random.strangeStruct()))
            let whole = encoded.decode()
            for key in (whole.objectValue?.keys ?? []) + ["k", "absent", ""] {
                #expect(encoded.member(key) == whole[key], "seed \(seed), round \(round), key \(key)")
            }
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func textIsCheckedAsTheStandardLibraryDoes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bytesOfInterest: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4,
            0xF5,
            0xFF,
        ]
        for round in 0..<5000 {
            var text = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                bytesOfInterest.randomElement(using: &random) ?? 0
            }
            if random.chance(oneIn: 2) {
                text = Array(random.text().utf8) + text + Array(random.text().utf8)
            }
            let ours = text.withUnsafeBytes { $0.isValidUTF8(in: 0..<$0.count) }
            #expect(ours == (String(validating: text, as: UTF8.self) != nil), "seed \(seed), round \(round): \(text)")
        }
    }

    @Test func everySequenceOfUpToThreeBytesIsCheckedAsTheStandardLibraryDoes() {
        var differing = 0
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                // The third byte matters by its class alone.
                for third in [0x00, 0x7F, 0x80, 0xBF, 0xC0] as [UInt8] {
                    let text = [first, second, third]
                    let ours = text.withUnsafeBytes { $0.isValidUTF8(in: 0..<3) }
                    if ours != (String(validating: text, as: UTF8.self) != nil) { differing += 1 }
                }
            }
        }
        #expect(differing == 0)
    }
}
