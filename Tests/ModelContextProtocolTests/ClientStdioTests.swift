// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import ModelContextProtocol
import NIOCore
import NIOPosix
import Sockets
import Synchronization
import Testing
import Values

/// Our client over stdio, with real child processes.
@Suite struct ClientStdioTests {
    /// The executable, beside the bundle of the tests.
    private static var gatehouse: String {
        get throws {
            let own = try #require(CommandLine.arguments.first)
            let folder = own.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(own[..<$0]) } ?? "."
            let path = folder + "/gatehouse"
            try #require(access(path, X_OK) == 0, "\(path) is not built; run swift build first")
            return path
        }
    }

    /// Starts a server, does something with the session, and ends it.
    private func with(
        _ settings: MCPStdioClientSettings, handler: any MCPClientHandler = IgnoringClientHandler(),
        capabilities: ValueObject = [:], _ body: (MCPClient) async throws -> Void
    ) async throws {
        let http = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, budget: ByteBudget(), logger: HTTPTestServer.logger)
        do {
            let client = try await MCPClient.connect(
                .stdio(settings), info: ["name": "test", "version": "1"], capabilities: capabilities, handler: handler,
                httpClient: http, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                logger: HTTPTestServer.logger)
            do { try await body(client) } catch {
                await client.close()
                throw error
            }
            await client.close()
        } catch {
            await http.shutDown()
            throw error
        }
        await http.shutDown()
    }

    private func shell(_ script: String) -> MCPStdioClientSettings {
        MCPStdioClientSettings(command: "/bin/sh", arguments: ["-c", script])
    }

    /// A server in shell that answers `initialize`, takes `initialized`, and then does what the script says.
    private func answering(_ script: String) -> MCPStdioClientSettings {
        let answer =
            #"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}"#
        return shell("read line; echo '\(answer)'; read line; \(script)")
    }

    @Test func aServerIsStartedSpokenToAndEndedByTheEndOfItsInput() async throws {
        let settings = MCPStdioClientSettings(command: try Self.gatehouse, arguments: ["demo-server"])
        try await with(settings) { client in
            #expect(client.server.serverInfo["name"] == "gatehouse-demo")
            let params = Document(object: ["name": "echo", "arguments": ["text": "a\u{2028}b\nc"]])
            let result = try await client.request("tools/call", params)
            #expect(result["content"]?.arrayValue?.first?["text"] == "a\u{2028}b\nc")
            let clock = ContinuousClock.now
            await client.close()
            #expect(client.endReason != nil)
            // By itself, well before anybody sends it a signal.
            #expect(ContinuousClock.now - clock < .seconds(60))
        }
    }

    @Test func progressOfARequestReachesIt() async throws {
        let settings = MCPStdioClientSettings(command: try Self.gatehouse, arguments: ["demo-server"])
        let handler = NotingHandler()
        try await with(settings, handler: handler) { client in
            let heard = Mutex<[Int64]>([])
            var options = MCPRequestOptions()
            options.onNotification = { _, params in
                #expect(params?["progressToken"] == "mine")
                heard.withLock { $0.append(params?["progress"]?.intValue ?? 0) }
            }
            let params = Document(object: [
                "name": "slow", "arguments": ["steps": 3, "delay_ms": 1], "_meta": ["progressToken": "mine"],
            ])
            _ = try await client.request("tools/call", params, options: options)
            #expect(heard.withLock { $0 } == [1, 2, 3])
            // Log messages tell nothing of a request: over stdio they are the handler's.
            try await eventually { handler.notifications.filter { $0.0 == "notifications/message" }.count == 3 }
        }
    }

    @Test func theServersRequestsAreAnswered() async throws {
        let settings = MCPStdioClientSettings(command: try Self.gatehouse, arguments: ["demo-server"])
        try await with(settings, handler: NotingHandler(), capabilities: ["elicitation": [:]]) { client in
            let params = Document(object: ["name": "ask", "arguments": ["what": "elicitation", "text": "Why?"]])
            let result = try await client.request("tools/call", params)
            #expect(result["content"]?.arrayValue?.first?["text"]?.stringValue?.contains("accept") == true)
        }
    }

    @Test func aCancelledRequestEndsAtTheServerAsWell() async throws {
        let settings = MCPStdioClientSettings(command: try Self.gatehouse, arguments: ["demo-server"])
        try await with(settings) { client in
            let params = Document(object: ["name": "slow", "arguments": ["steps": 1000, "delay_ms": 60_000]])
            let call = Task { try await client.request("tools/call", params) }
            let echo = Document(object: ["name": "echo", "arguments": ["text": "x"]])
            _ = try await client.request("tools/call", echo)
            call.cancel()
            await #expect(throws: MCPClientError.cancelled) { try await call.value }
            _ = try await client.request("tools/call", echo)
        }
    }

    @Test func aSilentServerIsATimeout() async throws {
        try await with(answering("cat > /dev/null")) { client in
            let error = await #expect(throws: MCPClientError.self) {
                try await client.request("x", nil, options: MCPRequestOptions(timeout: .milliseconds(200)))
            }
            guard case .timeout = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func aServerThatDiesIsToldWithItsExitCode() async throws {
        try await with(answering("read line; exit 7")) { client in
            let error = await #expect(throws: MCPClientError.self) { try await client.request("x") }
            guard case .transport(let text) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(text.contains("exit code 7"))
            #expect(await client.waitForEnd()?.contains("exit code 7") == true)
        }
    }

    @Test func aProgramThatDoesNotExistIsToldByName() async throws {
        for command in ["/no/such/program", "no-such-program-anywhere"] {
            let error = await #expect(throws: MCPClientError.self) {
                try await with(MCPStdioClientSettings(command: command)) { _ in }
            }
            guard case .transport(let text) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(text.contains(command))
        }
    }

    @Test func itsStandardErrorIsHandedOnByLineAndNeverBlocksIt() async throws {
        let lines = Mutex<[String]>([])
        var settings = answering(
            // More than a pipe holds, and a last line without an end.
            "i=0; while [ $i -lt 3000 ]; do echo 'a line of some forty characters on stderr' >&2; i=$((i+1)); done; "
                + "printf 'last' >&2")
        settings.standardErrorLine = { line in lines.withLock { $0.append(line) } }
        try await with(settings) { client in
            _ = await client.waitForEnd()
            try await eventually { lines.withLock { $0.count } == 3_001 }
        }
        #expect(lines.withLock { $0.last } == "last")
    }

    @Test func linesThatAreNoMessagesArePassedOver() async throws {
        try await with(
            answering(
                #"echo 'hello there'; read line; echo '{"jsonrpc":"2.0","id":2,"result":{"ok":true}}'; cat > /dev/null"#
            )
        ) { client in
            let answer = try await client.request("x")
            #expect(answer.value == ["ok": true])
        }
    }

    @Test func aServerThatDoesNotEndIsEndedWithAllItHasStarted() async throws {
        let lines = Mutex<[String]>([])
        // Neither the end of its input nor SIGTERM ends it; and it has a child.
        var settings = answering("trap '' TERM; sleep 1000 & echo $! >&2; echo $$ >&2; while :; do sleep 1; done")
        settings.standardErrorLine = { line in lines.withLock { $0.append(line) } }
        settings.endGrace = .milliseconds(300)
        try await with(settings) { _ in
            try await eventually { lines.withLock { $0.count } == 2 }
        }
        for pid in lines.withLock({ $0 }).compactMap({ Int32($0) }) {
            try await eventually("process \(pid) is gone") { kill(pid, 0) != 0 || isZombie(pid) }
        }
    }

    /// Whether a process has ended and waits for its parent, which in a container may never come.
    private func isZombie(_ pid: Int32) -> Bool {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return true }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        guard fgets(&buffer, 512, file) != nil else { return true }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(") Z ")
    }

    @Test func variablesFolderAndArgumentsReachIt() async throws {
        var settings = answering("")
        settings.arguments[1] = "echo \"$MCP_TEST|$PWD|$HOME\" >&2; " + settings.arguments[1]
        settings.environment = [("MCP_TEST", "ä=1"), ("HOME", "/elsewhere")]
        settings.workingDirectory = "/"
        let lines = Mutex<[String]>([])
        settings.standardErrorLine = { line in lines.withLock { $0.append(line) } }
        try await with(settings) { _ in
            try await eventually { lines.withLock { !$0.isEmpty } }
        }
        #expect(lines.withLock { $0 } == ["ä=1|/|/elsewhere"])
    }

    @Test func aLineOverTheLimitEndsTheSession() async throws {
        try await with(answering("head -c 20000000 /dev/zero | tr '\\0' x; cat > /dev/null")) { client in
            #expect(await client.waitForEnd()?.contains("limit") == true)
        }
    }
}
