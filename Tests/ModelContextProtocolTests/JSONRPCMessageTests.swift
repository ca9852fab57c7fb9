// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import ModelContextProtocol
import Testing
import Values

@Suite struct JSONRPCMessageTests {
    private func fault(_ text: String) throws -> JSONRPCFault {
        guard case .failure(let fault) = JSONRPCMessage.decode(Array(text.utf8)) else {
            Issue.record("accepted: \(text)")
            throw CancellationError()
        }
        return fault
    }

    @Test func idsKeepTheirJSONType() throws {
        for id in [#""1""#, "1", "-5", #""""#, "9223372036854775807", #""\u0041""#] {
            let text = #"{"jsonrpc":"2.0","id":\#(id),"method":"m"}"#
            guard case .success(.request(let read, _, _)) = JSONRPCMessage.decode(Array(text.utf8)) else {
                Issue.record("refused: \(text)")
                continue
            }
            #expect(try JSONParser.decode(read.description.utf8) == JSONParser.decode(id.utf8))
        }
        #expect(JSONRPCID.string("1") != .integer(1))
        #expect(JSONRPCID.string("é") != .string("e\u{301}"))
    }

    @Test(arguments: ["null", "1.5", "true", "[]", "{}", "9223372036854775808"])
    func requestsWithOtherIDsAreInvalid(id: String) throws {
        let found = try fault(#"{"jsonrpc":"2.0","id":\#(id),"method":"m"}"#)
        #expect(found.error.code == JSONRPCError.invalidRequestCode)
        #expect(found.id == nil)
    }

    @Test(
        arguments: [
            #"{"id":1,"method":"m"}"#, #"{"jsonrpc":"1.0","id":1,"method":"m"}"#,
            #"{"jsonrpc":2.0,"id":1,"method":"m"}"#,
            #"{"jsonrpc":"2.0","id":1}"#, #"{"jsonrpc":"2.0","id":1,"method":5}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"m","result":{}}"#,
            #"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
            #"{"jsonrpc":"2.0","id":1,"result":[]}"#, #"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}"#,
            #"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#,
        ])
    func whatIsNoMessageIsInvalidAndKeepsTheID(text: String) throws {
        let found = try fault(text)
        #expect(found.error.code == JSONRPCError.invalidRequestCode)
        #expect(found.id == .integer(1))
    }

    @Test(arguments: ["", "{", "nonsense", #"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, "[1,2", "\u{FEFF}{}"])
    func whatIsNoJSONIsAParseError(text: String) throws {
        #expect(try fault(text).error.code == JSONRPCError.parseErrorCode)
    }

    @Test(arguments: ["5", "\"x\"", "null", "[]", "true"])
    func otherJSONIsInvalid(text: String) throws {
        #expect(try fault(text).error.code == JSONRPCError.invalidRequestCode)
    }

    @Test func anErrorMayComeWithoutAnID() throws {
        for text in [
            #"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}}"#,
            #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m","data":[1]}}"#,
        ] {
            guard case .success(.response(nil, .failure(let error))) = JSONRPCMessage.decode(Array(text.utf8)) else {
                Issue.record("refused: \(text)")
                continue
            }
            #expect(error.code == -32_700)
        }
    }

    @Test func escapedMemberNamesAreTheSameNames() {
        let text = #"{"jsonrpc":"2.0","\u0069d":7,"\u006dethod":"m"}"#
        guard case .success(.request(.integer(7), "m", nil)) = JSONRPCMessage.decode(Array(text.utf8)) else {
            Issue.record("not read")
            return
        }
    }

    @Test func aBatchKeepsEachMessageAndEachFault() {
        let text = #"[{"jsonrpc":"2.0","id":1,"method":"a"},5,{"jsonrpc":"2.0","method":"b"}]"#
        guard case .batch(let messages) = JSONRPCInput(decoding: Array(text.utf8)) else {
            Issue.record("no batch")
            return
        }
        #expect(messages.count == 3)
        if case .success = messages[1] { Issue.record("a number is no message") }
    }

    @Test func untouchedParametersLeaveInTheBytesTheyCameIn() {
        let params = #"{ "n": 1.50e1, "s":"\/","deep":{"a":[ ]} }"#
        let text = #"{"jsonrpc":"2.0","id":"x","method":"m","params":\#(params)}"#
        guard case .success(.request(_, let method, let document)) = JSONRPCMessage.decode(Array(text.utf8)) else {
            Issue.record("refused")
            return
        }
        let out = JSONRPCMessage.request(id: .integer(5), method: method, params: document).encoded()
        #expect(
            String(decoding: out, as: UTF8.self) == #"{"jsonrpc":"2.0","id":5,"method":"m","params":\#(params)}"#)
    }

    @Test func writesWhatItReads() throws {
        for text in [
            #"{"jsonrpc":"2.0","id":1,"method":"m"}"#, #"{"jsonrpc":"2.0","method":"m","params":{"a":1}}"#,
            #"{"jsonrpc":"2.0","id":"é\n","result":{"a":[1,2]}}"#,
            #"{"jsonrpc":"2.0","id":3,"error":{"code":5,"message":"m","data":{"x":null}}}"#,
            #"{"jsonrpc":"2.0","error":{"code":5,"message":"m"}}"#,
        ] {
            let message = try JSONRPCMessage.decode(Array(text.utf8)).get()
            #expect(String(decoding: message.encoded(), as: UTF8.self) == text)
        }
    }

    @Test func theDecoderStandsWhateverIsDoneToAMessage() throws {
        var random = SeededGenerator(seed: 4)
        var refused = 0
        for seed in JSONRPCCorpus.messages {
            for _ in 0..<150 {
                var bytes = Array(seed.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                    let position = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
                    case 2: bytes.removeSubrange(position..<min(bytes.count, position + 4))
                    default:
                        // A piece of another message: what a confused sender would mix up.
                        let other = Array(JSONRPCCorpus.messages.randomElement(using: &random)?.utf8 ?? "".utf8)
                        bytes.insert(
                            contentsOf: other.prefix(Int.random(in: 0...other.count, using: &random)), at: position)
                    }
                }
                switch JSONRPCInput(decoding: bytes) {
                case .single(.success(let message)):
                    // What is accepted can be written, and is read as the same again.
                    let written = message.encoded()
                    #expect(try JSONRPCMessage.decode(written).get().encoded() == written)
                case .single(.failure(let fault)):
                    refused += 1
                    #expect([JSONRPCError.parseErrorCode, JSONRPCError.invalidRequestCode].contains(fault.error.code))
                    #expect(!fault.error.message.isEmpty)
                case .batch(let messages):
                    #expect(!messages.isEmpty)
                }
            }
        }
        #expect(refused > 0)
    }
}

/// Messages, right and wrong, that the fuzzed decoder starts from.
enum JSONRPCCorpus {
    static let messages = [
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"é😀\u2028"},"_meta":{"progressToken":"t"}}}"#,
        #"{"jsonrpc":"2.0","id":"a-1","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#,
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12,"reason":"r"}}"#,
        #"{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[{"type":"text","text":"x"}],"isError":false}}"#,
        #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad","data":{"a":[1,2.5,-0,1e3]}}}"#,
        #"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"}]"#,
        #"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, "[]", "{}", "", "[[[[[[[[[[]]]]]]]]]]",
        #"{"\u006asonrpc":"2.0","id":1,"method":"\ud83d\ude00"}"#,
    ]
}
