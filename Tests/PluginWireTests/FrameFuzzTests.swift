// SPDX-License-Identifier: Apache-2.0

import Foundation
import Fuzzing
import NIOCore
import PluginFramework
import PluginWire
import Sockets
import Testing
import Values

/// Whatever arrives on a raw socket ends in frames, errors or waiting, and means the same however it is cut.
///
/// `GATEHOUSE_FUZZ_ROUNDS` makes it run for longer than the 2,000 rounds of a seed.
@Suite struct FrameFuzzTests {
    private static let limit = 2_000

    @Test(arguments: SeededGenerator.seeds)
    func framesAndWhatTheyMeanDoNotDependOnHowTheyArrive(seed: UInt64) throws {
        let seeds = try Corpus.hexadecimal("frames", in: .module)
        var mutator = Mutator(seed: seed)
        for round in 0..<Corpus.rounds {
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
        if let tagged = TaggedFrame(decoding: frame) {
            text += " tagged \(tagged.kind.rawValue) \(tagged.call) \(tagged.body.readableBytes)"
            if let response = try? InvokeHookResponse(decoding: tagged.body) { text += " \(response.outcome)" }
        }
        return text
    }
}
