// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTP
import MCPTransport
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginFramework
import Sockets
import Testing
import Values

@Suite struct MCPPluginInvokerTests {
    private static let large: Value = .int(9_007_199_254_740_993)

    private static func invocation(
        _ tool: String = "look", deadline: ContinuousClock.Instant? = nil, _ args: ValueObject = [:]
    ) -> PluginInvocation {
        PluginInvocation(
            hook: .toolPreInvoke, plugin: "mirror", payload: ToolCall(name: tool, args: args).document,
            context: PluginContext(
                global: GlobalContext(
                    requestID: "r", userContext: ["role": "admin"], contentType: "text/plain", state: ["n": large])),
            deadline: deadline)
    }

    /// Over TCP, and over a Unix socket.
    private func with(
        unix: Bool = false, _ body: (MCPPluginInvoker, MCPTestServer) async throws -> Void
    ) async throws {
        try await withSocketPath { path in
            try await MCPTestServer.with(path: unix ? path : nil, entries: [.mirror()]) { server async throws in
                let entry = PluginEntry.external {
                    $0.url = unix ? "http://localhost/mcp" : server.url
                    $0.uds = unix ? path : nil
                }
                let invoker = try connector().plugin(for: entry)
                await invoker.start(patience: .seconds(60))
                try await eventually("it is admitted") { invoker.downReason == nil }
                try await body(invoker, server)
                await invoker.shutDown()
            }
        }
    }

    @Test(arguments: [false, true]) func aCallGoesThereAndBackWithoutLoss(unix: Bool) async throws {
        try await with(unix: unix) { invoker, _ in
            let args: ValueObject = ["id": Self.large, "whole": 1.0, "text": "\u{2028}ü\"\\\n", "none": .null]
            for tool in ["look", "hop"] {
                let answer = await invoker.invoke(Self.invocation(tool, args))
                let result = try answer.outcome.get()
                #expect(answer.plugin == "mirror")
                #expect(result.modifiedPayload?["args"] == .object(args))
                let context = try #require(answer.context)
                #expect(context.state["seen"] == Self.large)
                #expect(context.metadata["user_context"] == ["role": "admin"])
                #expect(context.global.contentType == "text/plain")
            }
            let nothing = await invoker.invoke(Self.invocation("nothing"))
            #expect(try nothing.outcome.get().isPlainPass)
            #expect(nothing.context == nil)
            #expect(await invoker.health == PluginHealth(isServing: true, plugins: ["mirror": true]))
        }
    }

    @Test func theEntryIsMergedWithWhatTheServerSays() async throws {
        try await with { invoker, _ in
            #expect(invoker.entry.priority == 7)
            #expect(invoker.entry.tags == ["remote"])
            #expect(invoker.entry.mode == .permissive)
            #expect(invoker.entry.hooks == [.toolPreInvoke])
            #expect(await invoker.describe("MIRROR")?["description"] == "reflects")
            #expect(await invoker.describe("nobody") == Value?.none)
        }
    }

    @Test func refusalsAndErrorsComeBackInBandWithEveryField() async throws {
        try await with { invoker, _ in
            let refused = try await invoker.invoke(Self.invocation("block")).outcome.get()
            #expect(!refused.continueProcessing)
            #expect(refused.violation?.details == ["n": 1])
            #expect(refused.violation?.mcpErrorCode == -32_001)
            #expect(refused.violation?.httpStatusCode == 451)
            #expect(refused.violation?.httpHeaders == ["Retry-After": "60"])
            #expect(refused.metadata == ["blocked": true])
            #expect(refused.httpHeaders == ["x-result": "blocked"])
            #expect(refused.retryDelayMilliseconds == 250)
            let error = try #require(await failure(of: invoker, "fail"))
            #expect(error.message.contains("it broke"))
            #expect(error.code == "BROKEN")
            #expect(error.details["why"] == "test")
            #expect(error.pluginName == "mirror")
            // What JSON cannot say is an error, not a pass.
            #expect(try #require(await failure(of: invoker, "nan")).message.contains("NaN"))
            let unsendable = await invoker.invoke(Self.invocation("look", ["x": .double(.infinity)]))
            guard case .failure(let error) = unsendable.outcome else {
                Issue.record("it was sent")
                return
            }
            #expect(error.code == PluginError.Code.invalidPayload)
        }
    }

    private func failure(
        of invoker: MCPPluginInvoker, _ tool: String, deadline: ContinuousClock.Instant? = nil
    ) async -> PluginError? {
        guard case .failure(let error) = await invoker.invoke(Self.invocation(tool, deadline: deadline)).outcome else {
            return nil
        }
        return error
    }

    @Test func aCallEndsAtItsDeadlineAndWithItsCaller() async throws {
        try await with { invoker, _ in
            let late = await failure(of: invoker, "hang", deadline: .now + .milliseconds(100))
            #expect(late?.code == PluginError.Code.timeout)
            let task = Task { await failure(of: invoker, "hang") }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            #expect(await task.value?.code == PluginError.Code.cancelled)
            #expect(await failure(of: invoker, "fail")?.code == "BROKEN")
        }
    }

    @Test func everyAnswerBelongsToItsCaller() async throws {
        try await with { invoker, _ in
            await withTaskGroup(of: Void.self) { tasks in
                for number in 0..<200 {
                    tasks.addTask {
                        let tool = number.isMultiple(of: 3) ? "hop" : "look"
                        let deadline = number.isMultiple(of: 7) ? ContinuousClock.now + .microseconds(500) : nil
                        let answer = await invoker.invoke(
                            Self.invocation(tool, deadline: deadline, ["number": .int(Int64(number))]))
                        guard case .success(let result) = answer.outcome else {
                            #expect(deadline != nil)
                            return
                        }
                        #expect(result.modifiedPayload?["args"]?["number"] == .int(Int64(number)))
                    }
                }
            }
        }
    }

    @Test func aPluginThatIsDownSaysSoAndIsAdmittedWhenItsServerComesUp() async throws {
        // A port that is free now and was given by the system.
        let port = try await MCPTestServer.with(entries: [.mirror()]) { $0.port }
        let entry = PluginEntry.external { $0.url = "http://127.0.0.1:\(port)/mcp" }
        let invoker = try connector().plugin(for: entry)
        await invoker.start(patience: .seconds(60))
        let down = try #require(await failure(of: invoker, "look"))
        #expect(down.code == PluginError.Code.unavailable)
        #expect(down.message.contains("127.0.0.1:\(port)"))
        #expect(await invoker.health.isServing == false)
        for _ in 0..<2 {
            try await MCPTestServer.with(port: port, entries: [.mirror()]) { _ in
                try await eventually("the plugin can be called") {
                    guard case .success = await invoker.invoke(Self.invocation()).outcome else { return false }
                    return true
                }
            }
            try await eventually("the plugin is known to be down") {
                guard case .failure = await invoker.invoke(Self.invocation()).outcome else { return false }
                return await !invoker.health.isServing
            }
        }
        await invoker.shutDown()
        #expect(await failure(of: invoker, "look")?.code == PluginError.Code.unavailable)
    }

    @Test func aServerWithoutThePluginIsNamed() async throws {
        try await MCPTestServer.with(entries: [.mirror("Other")]) { server in
            let invoker = try connector().plugin(for: .external { $0.url = server.url })
            await invoker.start(patience: .seconds(60))
            try await eventually("the reason is known") {
                invoker.downReason?.reason.contains("has no plugin named 'mirror'") == true
            }
            await invoker.shutDown()
        }
    }

    @Test func aProgramThatIsNoMCPServerIsStartedAgainAndNeverAdmitted() async throws {
        let invoker = try connector().plugin(
            for: .external("p", .stdio) {
                $0.command = ["sh", "-c", "exit 3"]
                $0.reconnectDelay = .milliseconds(10)
            })
        await invoker.start(patience: .seconds(60))
        #expect(invoker.downReason?.reason.contains("cannot be reached") == true)
        #expect(await failure(of: invoker, "look")?.code == PluginError.Code.unavailable)
        await invoker.shutDown()
    }

    @Test func whatCannotBeReachedAsConfiguredIsAnErrorWithItsKey() {
        let cases:
            [(ExternalPluginSettings.MCPTarget.Transport, (inout ExternalPluginSettings.MCPTarget) -> Void, String)] =
                [
                    (.streamableHTTP, { _ in }, "mcp.url"),
                    (.streamableHTTP, { $0.url = "plugins:8000" }, "mcp.url"),
                    (
                        .streamableHTTP,
                        {
                            $0.url = "http://h/mcp"; $0.uds = "s"
                        }, "mcp.uds"
                    ),
                    (.stdio, { _ in }, "mcp"),
                ]
        for (transport, change, key) in cases {
            let error = #expect(throws: SettingsError.self) {
                try connector().plugin(for: .external("p", transport, change))
            }
            #expect(error?.key == key)
        }
    }
}
