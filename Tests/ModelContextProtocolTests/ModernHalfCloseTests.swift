// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Over HTTP a client of 2026-07-28 cancels by closing: its stream, or its own side of the connection alone.
@Suite struct ModernHalfCloseTests {
    /// `unknown for long`: while it is not yet known which arguments the headers have to repeat.
    @Test(arguments: [("2026-07-28", "wait"), ("2026-07-28", "unknown for long"), (nil, "wait")])
    func closingItsOwnSideCancelsAndOfASessionDoesNot(revision: String?, tool: String) async throws {
        let application = ModernApplication()
        try await HTTPTestServer.with(application) { server in
            let session = revision == nil ? try await server.begin() : Optional<String>.none
            let body =
                revision == nil
                ? #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\#(tool)"}}"#
                : ModernRequestText.of("tools/call", #""name":"\#(tool)""#)
            var head = [
                "POST /mcp HTTP/1.1", "host: \(server.listening)", "content-type: application/json",
                "accept: application/json, text/event-stream", "content-length: \(body.utf8.count)",
            ]
            if let revision {
                head += ["mcp-protocol-version: \(revision)", "mcp-method: tools/call", "mcp-name: \(tool)"]
            }
            if let session { head.append("mcp-session-id: \(session)") }
            let port = try #require(Int("\(server.listening)".split(separator: ":").last ?? ""))
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .connect(host: "127.0.0.1", port: port).get()
            let request = head.joined(separator: "\r\n") + "\r\n\r\n" + body
            try await channel.writeAndFlush(ByteBuffer(string: request)).get()
            try await eventually { application.noted.withLock { $0.startedWaits } == 1 }
            try await channel.close(mode: .output).get()
            if revision != nil {
                try await eventually { application.noted.withLock { $0.cancelledCalls } == 1 }
            } else {
                // Nothing happens for that; another request shows that the server has gone on meanwhile.
                _ = try await server.begin()
                #expect(application.noted.withLock { $0.cancelledCalls } == 0)
            }
            // The server has closed it already where that cancelled the call.
            try? await channel.close().get()
        }
    }
}
