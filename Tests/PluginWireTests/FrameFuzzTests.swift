// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import PluginFramework
import PluginWire
import Testing
import Values

/// Whatever arrives on a raw socket ends in frames, errors or waiting, and means the same however it is cut.
///
/// `GATEHOUSE_FUZZ_ROUNDS` makes it run for longer than the 2,000 rounds of a seed.
@Suite struct FrameFuzzTests {
    private static let limit = 2_000
    private static let rounds =
        ProcessInfo.processInfo.environment["GATEHOUSE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 2_000

    @Test(arguments: SeededGenerator.seeds)
    func framesAndWhatTheyMeanDoNotDependOnHowTheyArrive(seed: UInt64) throws {
        let seeds = try corpus("frames")
        var mutator = Mutator(generator: SeededGenerator(seed: seed))
        for round in 0..<Self.rounds {
            let stream = mutator.mutated(seeds[round % seeds.count])
            let whole = Self.read([stream])
            #expect(Self.read(mutator.pieces(stream)) == whole, "seed \(seed), round \(round): \(stream)")
        }
    }

    private static func read(_ pieces: [[UInt8]]) -> [String] {
        var reader = FrameReader()
        var events: [String] = []
        var fed = 0
        for piece in pieces {
            fed += piece.count
            reader.append(ByteBuffer(bytes: piece))
            while let event = reader.next(limit: limit) {
                switch event {
                case .frame(let frame): events.append(meaning(of: frame))
                case .discarded(let frame): events.append("discarded \(frame.length) \(frame.head)")
                }
            }
            if reader.bufferedBytes > min(fed, limit + FrameReader.prefixLength + FrameReader.headLength) {
                events.append("holds \(reader.bufferedBytes) of \(fed)")
            }
        }
        return events
    }

    /// Runs every decoder that a frame may meet, and all of what it decoded.
    private static func meaning(of frame: ByteBuffer) -> String {
        var text: String
        switch SocketRequest(frame) {
        case .invokeHook(let request):
            text = "invoke \(request.hookType) \(request.pluginName) \(request.payload.value) \(request.context.values)"
        case .getPluginConfig(let request): text = "config \(request.name)"
        case .getPluginConfigs: text = "configs"
        case .hello(let peer): text = "hello \(peer)"
        case .brokenInvokeHook(let plugin, let error): text = "broken \(plugin) \(error)"
        case .unknown: text = "unknown"
        }
        if let tagged = try? TaggedFrame(decoding: frame) {
            text += " tagged \(tagged.kind.rawValue) \(tagged.call) \(tagged.body.readableBytes)"
            if let response = try? InvokeHookResponse(decoding: tagged.body) { text += " \(response.outcome)" }
        }
        return text
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
