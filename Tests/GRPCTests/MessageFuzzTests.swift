// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import Testing

@testable import GRPC

/// Whatever arrives in DATA frames ends in messages, a status or waiting, and means the same however it is cut.
///
/// `GATEHOUSE_FUZZ_ROUNDS` makes it run for longer than the 2,000 rounds of a seed.
@Suite struct MessageFuzzTests {
    private static let limit = ByteLimit(bytes: 3_000, key: "max_message_size", side: .server)
    private static let rounds =
        ProcessInfo.processInfo.environment["GATEHOUSE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 2_000

    @Test(arguments: [1, 2, UInt64.random(in: 0...UInt64.max)])
    func messagesAndStatusesDoNotDependOnHowTheyArrive(seed: UInt64) throws {
        let seeds = try corpus("messages")
        var mutator = Mutator(generator: SeededGenerator(state: seed))
        for round in 0..<Self.rounds {
            let stream = mutator.mutated(seeds[round % seeds.count])
            let whole = Self.read([stream])
            #expect(Self.read(mutator.pieces(stream)) == whole, "seed \(seed), round \(round): \(stream)")
        }
    }

    private static func read(_ pieces: [[UInt8]]) -> [String] {
        var reader = MessageReader()
        var events: [String] = []
        do throws(GRPCStatus) {
            for piece in pieces {
                reader.append(ByteBuffer(bytes: piece))
                while let (message, isCompressed) = try reader.next(limit: limit) {
                    guard isCompressed else {
                        events.append("\(Array(message.readableBytesView))")
                        continue
                    }
                    for encoding in [MessageEncoding.gzip, .deflate] { events.append(unpacked(message, encoding)) }
                }
            }
        } catch {
            events.append("\(error)")
        }
        return events
    }

    private static func unpacked(_ message: ByteBuffer, _ encoding: MessageEncoding) -> String {
        do throws(GRPCStatus) {
            let unpacked = try encoding.decompress(message, limit: limit)
            return unpacked.readableBytes <= limit.bytes ? "\(Array(unpacked.readableBytesView))" : "over the limit"
        } catch {
            return "\(error)"
        }
    }
}

/// SplitMix64: the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Bytes that are changed at random: flipped, removed, doubled, lengths made others.
struct Mutator {
    var generator: SeededGenerator

    /// Another stream made of this one.
    mutating func mutated(_ seed: [UInt8]) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
            case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 16)], at: place)
            default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
            }
        }
        return bytes
    }

    /// The stream in pieces of random lengths.
    mutating func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...64, using: &generator))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}

/// The seeds of a corpus: lines of hexadecimal digits.
func corpus(_ name: String) throws -> [[UInt8]] {
    let file = try #require(Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Corpora"))
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
        line in
        let digits = Array(line.utf8)
        return try stride(from: 0, to: digits.count, by: 2).map { start in
            try #require(UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16))
        }
    }
}
