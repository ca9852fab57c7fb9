// SPDX-License-Identifier: Apache-2.0

import Glibc
import ModelContextProtocol
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing
import Values

/// The rules of the stdio transport, for a server of ours over real pipes.
@Suite struct StdioRuleTests {
    /// A server, and the other ends of its standard input and output.
    final class Pipes: Sendable {
        private let input: CInt
        private let output: CInt
        private let serverEnds: [CInt]
        private let partial = Mutex<[UInt8]>([])

        init() throws {
            var toServer: [CInt] = [-1, -1]
            var fromServer: [CInt] = [-1, -1]
            try #require(pipe(&toServer) == 0 && pipe(&fromServer) == 0)
            input = toServer[1]
            output = fromServer[0]
            serverEnds = [toServer[0], fromServer[1]]
        }

        /// Serves an application while the closure runs; then closes its input and waits for its end.
        static func with(
            _ application: any MCPServerApplication, maxMessageBytes: Int = 1 << 20,
            drainGrace: Duration = .seconds(30), _ body: @escaping @Sendable (Pipes) async throws -> Void
        ) async throws {
            let pipes = try Pipes()
            let server = StdioServer(
                application: application, maxMessageBytes: maxMessageBytes, drainGrace: drainGrace,
                input: pipes.serverEnds[0], output: pipes.serverEnds[1],
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: HTTPTestServer.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // As a process runs it, with SIGTERM in the hands of the test.
                    let services = ServiceGroup(
                        configuration: .init(
                            services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                            logger: HTTPTestServer.logger))
                    pipes.services.withLock { $0 = services }
                    try await services.run()
                    for end in pipes.serverEnds { close(end) }
                }
                do {
                    try await body(pipes)
                } catch {
                    pipes.closeInput()
                    group.cancelAll()
                    throw error
                }
                pipes.closeInput()
                try await group.waitForAll()
            }
            // What is left to read must be nothing but whole messages.
            var rest: [UInt8] = []
            while let more = pipes.readSome() { rest += more }
            #expect(pipes.partial.withLock { $0 }.isEmpty && (rest.isEmpty || rest.last == 0x0A))
            close(pipes.output)
        }

        private let services = Mutex<ServiceGroup?>(nil)

        /// What SIGTERM does.
        func terminate() async {
            await services.withLock { $0 }?.triggerGracefulShutdown()
        }

        private let isInputClosed = Mutex(false)

        func closeInput() {
            let closes = isInputClosed.withLock { isClosed in
                defer { isClosed = true }
                return !isClosed
            }
            if closes { close(input) }
        }

        func write(_ text: String) { write(Array(text.utf8)) }

        func write(_ bytes: [UInt8]) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }

        func send(_ message: String) { write(message + "\n") }

        private func readSome() -> [UInt8]? {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = Glibc.read(output, &buffer, buffer.count)
            return count > 0 ? Array(buffer.prefix(count)) : nil
        }

        /// The next line, as JSON; blocks, which only this test's thread notices.
        func receive() async throws -> Value {
            let line = try await NIOThreadPool.singleton.runIfActive { [self] () -> [UInt8] in
                try partial.withLock { partial in
                    while true {
                        if let end = partial.firstIndex(of: 0x0A) {
                            defer { partial.removeSubrange(...end) }
                            return Array(partial[..<end])
                        }
                        partial += try #require(readSome())
                    }
                }
            }
            return try JSONParser.decode(line)
        }

        func begin(_ version: String = "2025-11-25") async throws {
            send(HTTPTestServer.initializeBody(version))
            #expect(try await receive()["result"]?["protocolVersion"]?.stringValue == version)
            send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        }
    }

    @Test func eachMessageIsOneLineHoweverItWasWritten() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            try await pipes.begin()
            // Line separators of Unicode are text, a carriage return before the line feed is space, empty lines are nothing.
            pipes.write("\r\n\n  \n")
            pipes.write(#"{"jsonrpc":"2.0","id":1,"method":"raw","params":{"t":"\#u{2028}\#u{85}","#)
            pipes.write("\t \"n\": [1 ,\r 2]}}\r\n")
            let answer = try await pipes.receive()
            #expect(answer["id"] == 1)
            #expect(answer["result"]?["t"] == "\u{2028}\u{85}")
            #expect(answer["result"]?["n"] == [1, 2])
        }
    }

    @Test func manyMessagesInOnePieceAndOneMessageInManyPieces() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            try await pipes.begin()
            pipes.write((1...50).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"echo"}"# + "\n" }.joined())
            var ids: Set<Int64> = []
            for _ in 1...50 { ids.insert(try #require(try await pipes.receive()["id"]?.intValue)) }
            #expect(ids.count == 50)
            for byte in #"{"jsonrpc":"2.0","id":99,"method":"echo"}"#.utf8 + [0x0A] { pipes.write([byte]) }
            #expect(try await pipes.receive()["id"] == 99)
        }
    }

    @Test func aRequestBeforeInitializeIsRefusedAndPingIsNot() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#)
            #expect(try await pipes.receive()["error"]?["code"] == -32_600)
            pipes.send(#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)
            #expect(try await pipes.receive()["result"] == [:])
            try await pipes.begin()
            pipes.send(#"{"jsonrpc":"2.0","id":3,"method":"echo"}"#)
            #expect(try await pipes.receive()["result"] != nil)
        }
    }

    @Test func aProbeOfALaterRevisionIsAnsweredWithAnErrorAndTheServerStaysUsable() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{}}}"#)
            #expect(try await pipes.receive()["error"]?["code"] == -32_601)
            try await pipes.begin()
        }
    }

    @Test func aSessionBeginsOnce() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            try await pipes.begin()
            pipes.send(HTTPTestServer.initializeBody(id: "5"))
            #expect(try await pipes.receive()["error"]?["code"] == -32_600)
        }
    }

    @Test func whatIsNoMessageIsAnsweredAndTheNextIsServed() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            try await pipes.begin()
            pipes.send("{nonsense")
            #expect(try await pipes.receive()["error"]?["code"] == -32_700)
            pipes.write([0x22, 0xFF, 0x22, 0x0A])
            #expect(try await pipes.receive()["error"]?["code"] == -32_700)
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#)
            #expect(try await pipes.receive()["id"] == 1)
        }
    }

    @Test func aBatchIsAnsweredTogetherWhereTheRevisionHasBatches() async throws {
        try await Pipes.with(ScriptedApplication()) { pipes in
            try await pipes.begin("2025-03-26")
            pipes.send(#"[{"jsonrpc":"2.0","id":1,"method":"echo"},7,{"jsonrpc":"2.0","id":2,"method":"ping"}]"#)
            #expect(try await pipes.receive().arrayValue?.count == 3)
        }
        try await Pipes.with(ScriptedApplication()) { pipes in
            try await pipes.begin("2025-06-18")
            pipes.send(#"[{"jsonrpc":"2.0","id":1,"method":"echo"}]"#)
            #expect(try await pipes.receive()["error"]?["code"] == -32_600)
        }
    }

    @Test func callsOvertakeEachOtherAndACancelledOneIsNotAnswered() async throws {
        let application = ScriptedApplication()
        try await Pipes.with(application) { pipes in
            try await pipes.begin()
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#)
            pipes.send(#"{"jsonrpc":"2.0","id":2,"method":"echo"}"#)
            #expect(try await pipes.receive()["id"] == 2)
            pipes.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
            try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            pipes.send(#"{"jsonrpc":"2.0","id":3,"method":"echo"}"#)
            #expect(try await pipes.receive()["id"] == 3)
        }
    }

    @Test func requestsOfTheServerAndUnrelatedMessagesComeOnTheSameOutput() async throws {
        let application = ScriptedApplication()
        try await Pipes.with(application) { pipes in
            try await pipes.begin()
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"ask"}"#)
            let question = try await pipes.receive()
            #expect(question["method"] == "elicitation/create")
            let id = try #require(question["id"])
            pipes.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"action":"decline"}}"#)
            #expect(try await pipes.receive()["result"]?["answer"] == ["action": "decline"])
            application.noted.withLock { $0.sessions.last }?.notify("notifications/x", nil)
            #expect(try await pipes.receive()["method"] == "notifications/x")
        }
    }

    @Test func callsInFlightAreAnsweredWhenTheInputEnds() async throws {
        let application = ScriptedApplication()
        try await Pipes.with(application) { pipes in
            try await pipes.begin()
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#)
            pipes.send(#"{"jsonrpc":"2.0","id":2,"method":"echo"}"#)
            #expect(try await pipes.receive()["id"] == 2)
            pipes.closeInput()
            application.gate.open()
            #expect(try await pipes.receive()["id"] == 1)
        }
        #expect(application.noted.withLock { $0.endedSessions } == 1)
    }

    @Test func callsThatGoOnAfterTheEndOfTheInputEndWithSIGTERM() async throws {
        let application = ScriptedApplication()
        let start = ContinuousClock.now
        try await Pipes.with(application, drainGrace: .seconds(600)) { pipes in
            try await pipes.begin()
            pipes.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"#)
            pipes.send(#"{"jsonrpc":"2.0","id":2,"method":"echo"}"#)
            #expect(try await pipes.receive()["id"] == 2)
            pipes.closeInput()
            // Nothing tells when the server has seen the end; before that, SIGTERM leaves the call its time.
            try await Task.sleep(for: .seconds(1))
            await pipes.terminate()
        }
        #expect(ContinuousClock.now - start < .seconds(300))
        #expect(application.noted.withLock { $0.cancelledCalls } == 1)
        #expect(application.noted.withLock { $0.endedSessions } == 1)
    }

    @Test func aLineOverTheLimitEndsTheServer() async throws {
        try await Pipes.with(ScriptedApplication(), maxMessageBytes: 1_000) { pipes in
            try await pipes.begin()
            pipes.write(String(repeating: "x", count: 2_000))
        }
    }
}
