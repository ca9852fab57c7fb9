// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import ModelContextProtocol

/// Lines over real pipes.
@Suite struct LineChannelTests {
    private final class Listener: LineChannel.Receiver {
        let heard = Mutex<[String]>([])

        func received(_ line: ByteBuffer) { heard.withLock { $0.append(String(buffer: line)) } }

        func ended(_ end: LineChannel.End) {
            if end == .inputClosed { heard.withLock { $0.append("(closed)") } }
        }

        /// Waits until the end of the input; gives up after a time that only a fault can take.
        func untilClosed() async throws -> [String] {
            for _ in 0..<6_000 {
                let heard = heard.withLock { $0 }
                if heard.last == "(closed)" { return heard }
                try await Task.sleep(for: .milliseconds(5))
            }
            return heard.withLock { $0 }
        }
    }

    private static func pipe() throws -> (read: CInt, write: CInt) {
        var ends: [CInt] = [0, 0]
        try #require(Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// A client that says all it has to say and leaves, before the server looks: `echo … | server`.
    @Test(arguments: [["one", "two"], []])
    func whatWasSaidBeforeTheInputWasClosedIsHeardAndAnswersGoOut(_ said: [String]) async throws {
        let (input, client) = try Self.pipe()
        let (answers, output) = try Self.pipe()
        defer { close(answers) }
        let text = said.map { $0 + "\n" }.joined()
        #expect(write(client, text, text.utf8.count) == text.utf8.count)
        close(client)
        let listener = Listener()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let lines = try await LineChannel.open(
            input: input, output: output, maxLine: 100, on: loop, receiver: listener)
        // The event loop has gone round, and has been told of the end.
        for _ in 0..<3 { try await loop.submit {}.get() }
        #expect(listener.heard.withLock { $0 } == [])
        lines.start()
        #expect(try await listener.untilClosed() == said + ["(closed)"])
        try await lines.write(Array("answer".utf8))
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(read(answers, &buffer, 16) == 7)
        lines.close()
        await lines.waitUntilClosed()
    }

    @Test func whatCannotBeWaitedForIsRefused() async throws {
        let (input, client) = try Self.pipe()
        defer { close(client) }
        let nothing = Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)
        await #expect(throws: (any Error).self) {
            try await LineChannel.open(
                input: input, output: nothing, maxLine: 100, on: MultiThreadedEventLoopGroup.singleton.next(),
                receiver: Listener())
        }
    }
}
