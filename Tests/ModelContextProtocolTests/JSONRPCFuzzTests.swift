// SPDX-License-Identifier: Apache-2.0

import Foundation
import Fuzzing
import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import Values

@testable import ModelContextProtocol

/// Whatever arrives is a message or a fault: the one that the rules of JSON-RPC make of it, and the same however it is cut.
///
/// `GATEHOUSE_FUZZ_ROUNDS` makes it run for longer than the 2,000 rounds of a seed.
@Suite struct JSONRPCFuzzTests {
    @Test(arguments: SeededGenerator.seeds)
    func messagesMeanWhatTheRulesMakeOfTheirValues(seed: UInt64) throws {
        let seeds = try Corpus.lines("messages", in: .module)
        var mutator = Mutator(seed: seed)
        var messages = 0
        for round in 0..<Corpus.rounds {
            let bytes = mutator.mutated(seeds[round % seeds.count])
            let read = Self.meaning(of: JSONRPCInput(decoding: bytes))
            #expect(read == Self.expected(bytes), "seed \(seed), round \(round): \(bytes)")
            messages += read.count { !$0.hasPrefix("fault") }
        }
        #expect(messages > Corpus.rounds / 100, "hardly anything was a message, so that hardly anything was tried")
    }

    @Test(arguments: SeededGenerator.seeds)
    func whatIsWrittenIsReadAsItWas(seed: UInt64) throws {
        let seeds = try Corpus.lines("messages", in: .module)
        var mutator = Mutator(seed: seed)
        for round in 0..<Corpus.rounds {
            let bytes = mutator.mutated(seeds[round % seeds.count])
            guard case .success(let message) = JSONRPCMessage.decode(bytes) else { continue }
            let again = JSONRPCMessage.decode(message.encoded())
            #expect(
                Self.meaning(of: again) == Self.meaning(of: .success(message)),
                "seed \(seed), round \(round): \(bytes)")
        }
    }

    @Test(arguments: SeededGenerator.seeds)
    func linesDoNotDependOnHowTheyArrive(seed: UInt64) throws {
        let seeds = try Corpus.lines("messages", in: .module)
        var mutator = Mutator(seed: seed)
        // Fewer: each makes two channels.
        for round in 0..<Corpus.rounds / 10 {
            let lines = (0..<4).map { seeds[(round + $0) % seeds.count] }
            let stream = mutator.mutated(Array(lines.joined(separator: [0x0A]))) + [0x0A]
            let whole = try LineTaker.read([stream])
            #expect(try LineTaker.read(mutator.pieces(stream)) == whole, "seed \(seed), round \(round): \(stream)")
            // The plain way to split: what is longer than the limit ends it.
            let plain = stream.split(separator: 0x0A).map(Array.init).filter { line in
                line.contains { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
            }
            let fitting = plain.prefix { $0.count <= LineTaker.limit }
            #expect(whole.lines == Array(fitting), "seed \(seed), round \(round): \(stream)")
            #expect(whole.isOverlong == (fitting.count < plain.count))
        }
    }

    // MARK: What was read

    private static func meaning(of input: JSONRPCInput) -> [String] {
        switch input {
        case .single(let result): [meaning(of: result)]
        case .batch(let results): results.map(meaning)
        }
    }

    private static func meaning(of result: Result<JSONRPCMessage, JSONRPCFault>) -> String {
        switch result {
        case .success(.request(let id, let method, let params)): "request \(id) \(method) \(text(params))"
        case .success(.notification(let method, let params)): "notification \(method) \(text(params))"
        case .success(.response(let id, .success(let document))):
            "result \(id.map { "\($0)" } ?? "-") \(document.value)"
        case .success(.response(let id, .failure(let error))):
            "error \(id.map { "\($0)" } ?? "-") \(error.code) \(error.message) \(error.data.map { "\($0)" } ?? "-")"
        case .failure(let fault): "fault \(fault.error.code) \(fault.id.map { "\($0)" } ?? "-")"
        }
    }

    private static func text(_ params: Document?) -> String { params.map { "\($0.value)" } ?? "-" }

    // MARK: What the rules make of it

    private static func expected(_ bytes: [UInt8]) -> [String] {
        guard let value = try? JSONParser.decode(bytes) else { return ["fault -32700 -"] }
        guard let elements = value.arrayValue else { return [expected(value)] }
        return elements.isEmpty ? ["fault -32600 -"] : elements.map(expected)
    }

    /// Reads a message from its value, as the specification says it: slowly, and without the decoder.
    private static func expected(_ value: Value) -> String {
        guard let object = value.objectValue else { return "fault -32600 -" }
        let id: String? =
            switch object["id"] {
            case .string?, .int?: object["id"].map { "\($0)" }
            default: nil
            }
        let fault = "fault -32600 \(id ?? "-")"
        guard object["jsonrpc"]?.stringValue?.utf8.elementsEqual("2.0".utf8) == true else { return fault }
        let (result, error) = (object["result"], object["error"])
        if let method = object["method"] {
            guard let name = method.stringValue, case (.none, .none) = (result, error) else { return fault }
            let params: String
            switch object["params"] {
            case .none, .null?: params = "-"
            case .object(let members)?: params = "\(Value.object(members))"
            default: return fault
            }
            if case .none = object["id"] { return "notification \(name) \(params)" }
            return id.map { "request \($0) \(name) \(params)" } ?? fault
        }
        switch (result, error) {
        case (let result?, .none):
            guard let id, result.objectValue != nil else { return fault }
            return "result \(id) \(result)"
        case (.none, let error?):
            if id == nil, let given = object["id"], !given.isNull { return fault }
            guard let code = error.objectValue?["code"]?.intValue,
                let message = error.objectValue?["message"]?.stringValue
            else { return fault }
            return "error \(id ?? "-") \(code) \(message) \(error.objectValue?["data"].map { "\($0)" } ?? "-")"
        case (.none, .none), (_?, _?):
            return fault
        }
    }
}

/// Takes lines as they are split.
private final class LineTaker: LineChannel.Receiver {
    struct Taken: Equatable {
        var lines: [[UInt8]] = []
        var isOverlong = false
    }

    static let limit = 300
    private let taken = Mutex(Taken())

    /// What a stream in pieces is split into.
    static func read(_ pieces: [[UInt8]]) throws -> Taken {
        let taker = LineTaker()
        let channel = EmbeddedChannel(handler: LineHandler(receiver: taker, maxLine: limit))
        for piece in pieces { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        _ = try channel.finish(acceptAlreadyClosed: true)
        return taker.taken.withLock { $0 }
    }

    func received(_ line: ByteBuffer) {
        taken.withLock { $0.lines.append(Array(line.readableBytesView)) }
    }

    func ended(_ end: LineChannel.End) {
        if case .overlong = end { taken.withLock { $0.isOverlong = true } }
    }
}
