// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import PluginFramework
import Testing
import Values

@testable import PluginWire

/// Fields that repeat are merged.
///
/// A sender who repeats them without end must not make that cost more than its bytes: eight times as many may take eight times as
/// long, and some, where copying all that came before would take sixty-four times as long. Processor time of the thread is
/// compared, which does not depend on how busy the machine is.
struct RepetitionTests {
    /// A Struct of many members.
    private func large(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { WireBytes.entry("key \($0)", WireBytes.field(4, varint: 1)) }
    }

    /// A field with many members, then the same field again and again with one.
    private func repeated(_ number: UInt64, _ count: Int, _ wrap: ([UInt8]) -> [UInt8] = { $0 }) -> [UInt8] {
        let small = WireBytes.field(number, wrap(WireBytes.entry("again", WireBytes.field(4, varint: 1))))
        return WireBytes.field(number, wrap(large(count))) + Array(repeatElement(small, count: count).joined())
    }

    private func expectLinear(_ make: (Int) -> [UInt8], decode: (ByteBuffer) throws -> Int) throws {
        func seconds(_ count: Int, members: Int) throws -> Double {
            let bytes = ByteBuffer(bytes: make(count))
            var best = Double.infinity
            for _ in 0..<3 {
                var start = timespec()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
                #expect(try decode(bytes) == members)
                var end = timespec()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
                best = min(best, Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9)
            }
            return best
        }
        let few = try seconds(2500, members: 2501)
        let many = try seconds(20_000, members: 20_001)
        #expect(many < 24 * few, "\(few) s became \(many) s")
    }

    @Test func payloads() throws {
        try expectLinear {
            repeated(3, $0)
        } decode: {
            try InvokeHookRequest(decoding: $0).payload.value.objectValue?.count ?? 0
        }
    }

    @Test(arguments: [5, 6, 7] as [UInt64])
    func partsOfTheGlobalContext(number: UInt64) throws {
        try expectLinear {
            WireBytes.field(4, WireBytes.field(1, repeated(number, $0)))
        } decode: {
            let global = try InvokeHookRequest(decoding: $0).context.global
            return (global.user?.objectValue ?? [:]).count + global.metadata.count + global.state.count
        }
    }

    @Test func objectsWithinAValue() throws {
        try expectLinear {
            WireBytes.entry("a", repeated(5, $0))
        } decode: {
            try EncodedStruct(checking: $0).member("a")?.objectValue?.count ?? 0
        }
    }

    @Test func listsWithinAValue() throws {
        let element = WireBytes.field(1, WireBytes.field(4, varint: 1))
        try expectLinear { count in
            let large = WireBytes.field(6, Array(repeatElement(element, count: count / 2).joined()))
            let small = Array(repeatElement(WireBytes.field(6, element), count: count / 2 + 1).joined())
            return WireBytes.entry("a", large + small)
        } decode: {
            try EncodedStruct(checking: $0).member("a")?.arrayValue?.count ?? 0
        }
    }

    @Test func valuesWithinAnEntryOfAResult() throws {
        try expectLinear { count in
            let metadata = WireBytes.field(1, "metadata") + repeated(2, count) { WireBytes.field(5, $0) }
            return WireBytes.field(2, WireBytes.field(1, metadata))
        } decode: {
            guard case .result(let result) = try InvokeHookResponse(decoding: $0).outcome else { return 0 }
            return result.metadata.count
        }
    }

    @Test func detailsOfErrors() throws {
        try expectLinear {
            repeated(4, $0) { WireBytes.field(4, $0) }
        } decode: {
            guard case .error(let error) = try InvokeHookResponse(decoding: $0).outcome else { return 0 }
            return error.details.count
        }
    }

    @Test func detailsOfResultBases() throws {
        try expectLinear {
            repeated(5, $0) { WireBytes.field(2, WireBytes.field(5, $0)) }
        } decode: {
            guard case .result(let result) = try InvokeHookResponse(decoding: $0).outcome else { return 0 }
            return result.violation?.details.count ?? 0
        }
    }

    @Test func contextsOfAnswers() throws {
        try expectLinear {
            WireBytes.field(2, []) + repeated(3, $0) { WireBytes.field(2, $0) }
        } decode: {
            try InvokeHookResponse(decoding: $0).context?.state.count ?? 0
        }
    }

    @Test func equalKeys() throws {
        try expectLinear {
            large($0) + large($0 + 1)
        } decode: {
            try EncodedStruct(checking: $0).decode().objectValue?.count ?? 0
        }
    }
}
