// SPDX-License-Identifier: Apache-2.0

import Foundation
import Fuzzing
import NIOCore
import Testing

@testable import GRPC

/// Whatever arrives in DATA frames ends in messages, a status or waiting, and means the same however it is cut.
///
/// `GATEHOUSE_FUZZ_ROUNDS` makes it run for longer than the 2,000 rounds of a seed.
@Suite struct MessageFuzzTests {
    private static let limit = ByteLimit(bytes: 3_000, key: "max_message_size", side: .server)

    @Test(arguments: SeededGenerator.seeds)
    func messagesAndStatusesDoNotDependOnHowTheyArrive(seed: UInt64) throws {
        let seeds = try Corpus.hexadecimal("messages", in: .module)
        var mutator = Mutator(seed: seed)
        for round in 0..<Corpus.rounds {
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
