// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Upstreams that fail")
struct UpstreamFailureTests {
    @Test("One that is not there delays nobody, and is told by name")
    func dead() async throws {
        let alive = TestUpstream()
        try await TestGateway.with(
            [("a", alive)],
            adjusting: { settings in
                var dead = UpstreamAddress(url: "http://localhost/mcp")
                dead.socketPath = "/tmp/gatehouse-no-such-socket"
                settings.upstreams.insert(UpstreamSettings(name: "dead", target: .http(dead), prefix: "dead"), at: 0)
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            #expect(try await client.list("tools/list", "tools") == ["a-echo"])
            #expect(try await client.call("a-echo", [:]).onlyText == "{}")
            let error = await failure { () throws(MCPClientError) in try await client.call("dead-x") }
            #expect(error?.code == JSONRPCError.internalErrorCode)
            #expect(error?.message.contains("MCP server 'dead'") == true, "\(String(describing: error))")
            let ready = try await gateway.get("/ready")
            #expect(ready.status == 200)
            #expect(ready.body["mcp_servers"] == ["dead": "down", "a": "up"])
            await client.close()
        }
    }

    @Test("One that never answers costs its own callers their time limit, and nobody else anything")
    func frozen() async throws {
        let frozen = TestUpstream { (_) throws(JSONRPCError) in
            do { try await Task.sleep(for: .seconds(120)) } catch { throw .internalError("cancelled") }
            return TestUpstream.text("late")
        }
        try await TestGateway.with(
            [("f", frozen), ("a", TestUpstream())],
            adjusting: {
                $0.upstreams[0].timeout = .milliseconds(200)
                $0.upstreams[0].maximumTimeout = .milliseconds(200)
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            async let late = failure { () throws(MCPClientError) in try await client.call("f-echo") }
            #expect(try await client.call("a-echo", [:]).onlyText == "{}")
            let error = await late
            #expect(error?.code == JSONRPCError.internalErrorCode)
            #expect(error?.message.contains("MCP server 'f'") == true)
            await client.close()
        }
    }

    @Test("A program that ends is started again, and its calls come through afterwards")
    func restart() async throws {
        let upstream = TestUpstream()
        let folder = try TestFolder()
        try await TestGateway.with(
            [],
            adjusting: { settings in
                var address = UpstreamAddress(url: "http://localhost/mcp")
                address.socketPath = folder.socket("x")
                settings.upstreams = [UpstreamSettings(name: "x", target: .http(address), prefix: "x")]
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            for round in 0..<2 {
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    try TestGateway.serve(upstream, at: folder.socket("x"), in: &tasks)
                    #expect(
                        await eventually {
                            (try? await client.call("x-echo", ["round": .int(Int64(round))]))?.onlyText
                                == #"{"round":\#(round)}"#
                        })
                    tasks.cancelAll()
                }
                let error = await failure { () throws(MCPClientError) in try await client.call("x-echo") }
                #expect(error?.code == JSONRPCError.internalErrorCode)
            }
            await client.close()
        }
    }

    /// A server in shell that stops itself at its first call of a tool, and answers those of its later lives.
    private static let freezingOnce = #"""
        while read -r line; do
          id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
          case "$line" in
            *'"initialize"'*) result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}';;
            *'"tools/list"'*) result='{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}';;
            *'"tools/call"'*) mkdir frozen 2>/dev/null && kill -STOP $$; result='{"content":[{"type":"text","text":"awake"}]}';;
            *) result='{}';;
          esac
          [ -n "$id" ] && printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
        done
        """#

    @Test("A program that is frozen is noticed, ended and started again; until then its calls cost their limit")
    func frozenProgram() async throws {
        let folder = try TestFolder()
        try await TestGateway.with(
            [],
            adjusting: { settings in
                var command = UpstreamCommand(program: "/bin/sh")
                command.arguments = ["-c", Self.freezingOnce]
                command.workingDirectory = folder.path
                var upstream = UpstreamSettings(name: "x", target: .command(command), prefix: "x")
                upstream.timeout = .seconds(1)
                upstream.maximumTimeout = .seconds(1)
                settings.upstreams = [upstream]
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect()
            let error = await failure { () throws(MCPClientError) in try await client.call("x-echo") }
            #expect(error?.message.contains("MCP server 'x'") == true, "\(String(describing: error))")
            #expect(await eventually { (try? await client.call("x-echo"))?.onlyText == "awake" })
            await client.close()
        }
    }

    @Test("More sessions than are allowed are refused by name, not made")
    func tooManySessions() async throws {
        try await TestGateway.with([("a", TestUpstream())], adjusting: { $0.limits.maximumUpstreamSessions = 2 }) {
            (gateway) async throws in
            let first = try await gateway.connect()
            _ = try await first.call("a-echo")
            let second = try await gateway.connect()
            let error = await failure { () throws(MCPClientError) in try await second.call("a-echo") }
            #expect(error?.message.contains("limits.max_upstream_sessions") == true)
            await first.close()
            #expect(await eventually { (try? await second.call("a-echo")) != nil })
            await second.close()
        }
    }
}
