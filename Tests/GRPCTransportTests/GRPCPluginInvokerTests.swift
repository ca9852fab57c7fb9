// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import PluginFramework
import Sockets
import Synchronization
import Testing
import Values

private final class Counts: Sendable {
    let stop = Atomic(false)
    let answered = Atomic(0)
    let failed = Atomic(0)
    let wrong = Atomic(0)
}

/// Answers with the payload, its context and what it saw of both.
private struct Mirror: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        switch call.name {
        case "fail": throw PluginError("it broke", pluginName: "", code: "BROKEN", details: ["why": "test"])
        case "block": return .block(PluginViolation(code: "NO", reason: "not this one"))
        case "hang": try await Task.sleep(for: .seconds(3_600))
        case "hop": await Task.yield()
        default: break
        }
        context.update { values in
            values.state["seen"] = values.global.state["n"] ?? .null
            values.metadata["user_context"] = values.global.userContext.map { .object($0) } ?? .null
            values.metadata["content_type"] = values.global.contentType.map { .string($0) } ?? .null
            values.global.state["echo"] = values.global.state["n"] ?? .null
        }
        var call = call
        let kind = call.args?["most"]?.kindDescription ?? "nothing"
        call.args?["kind"] = .string(kind)
        return .pass(call)
    }
}

@Suite struct GRPCPluginInvokerTests {
    private static let large: Value = .int(9_007_199_254_740_993)

    private static func entry(_ name: String = "Mirror") -> PluginEntry {
        var entry = PluginEntry(name: name, kind: "Mirror")
        entry.description = "reflects"
        entry.tags = ["remote"]
        entry.priority = 7
        entry.mode = .permissive
        return entry
    }

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

    private func with(
        _ kind: PluginTestServer.Kind = .ours, local: (inout PluginEntry) -> Void = { _ in },
        log: LogLines = LogLines(),
        _ body: (GRPCPluginInvoker, Int) async throws -> Void
    ) async throws {
        try await PluginTestServer.with(kind, plugins: [Mirror.self], entries: [Self.entry()]) { server async throws in
            var entry = PluginEntry.external("mirror", "127.0.0.1:\(server.port)")
            local(&entry)
            let invoker = try GRPCPluginConnector.make(log: log).invoker(for: entry)
            await invoker.start(patience: .seconds(60))
            // On a busy machine the first question may take too long; the next one follows.
            try await eventually("it is admitted") { invoker.downReason == nil }
            try await body(invoker, server.port)
            await invoker.shutDown()
        }
    }

    static let kinds: [PluginTestServer.Kind] = [.ours, .reference("mcpgateway.plugins"), .reference("cpex")]

    @Test(arguments: kinds) func everyGenerationOfServersIsUnderstood(kind: PluginTestServer.Kind) async throws {
        try await with(kind) { invoker, _ in
            let answer = await invoker.invoke(
                Self.invocation("look", ["id": Self.large, "most": .int(.max), "whole": 1.0]))
            let result = try answer.outcome.get()
            #expect(answer.plugin == "mirror")
            // What was sent at a place and came back equal there is what was sent; what the plugin saw is another matter.
            let args = result.modifiedPayload?["args"]
            #expect(args?["id"] == Self.large)
            #expect(args?["whole"] == .double(1))
            let isOurs = if case .ours = kind { true } else { false }
            #expect(args?["most"] == .int(.max))
            #expect(args?["kind"] == .string(isOurs ? "an integer" : "a number"))
            let context = try #require(answer.context)
            #expect(context.global.state["n"] == Self.large)
            #expect(context.state["seen"] == (isOurs ? Self.large : .int(9_007_199_254_740_992)))
            #expect(context.metadata["user_context"] == (isOurs ? ["role": "admin"] : .null))
            #expect(context.metadata["content_type"] == (isOurs ? "text/plain" : .null))
            #expect(context.global.userContext == ["role": "admin"])
            #expect(context.global.contentType == "text/plain")
            #expect(await invoker.health == PluginHealth(isServing: true, plugins: ["mirror": true]))
        }
    }

    @Test(arguments: kinds) func refusalsAndErrorsComeBackInBand(kind: PluginTestServer.Kind) async throws {
        try await with(kind) { invoker, _ in
            let refused = try await invoker.invoke(Self.invocation("block")).outcome.get()
            #expect(!refused.continueProcessing)
            #expect(refused.violation?.code == "NO")
            guard case .failure(let error) = await invoker.invoke(Self.invocation("fail")).outcome else {
                Issue.record("it did not fail")
                return
            }
            #expect(error.message.contains("it broke"))
            #expect(error.code == "BROKEN")
            #expect(error.pluginName == "mirror")
            #expect(error.details["why"] == "test")
        }
    }

    @Test func whatIsNotConfiguredHereIsWhatTheServerSays() async throws {
        let log = LogLines()
        try await with(log: log) { invoker, port in
            #expect(invoker.entry.name == "mirror")
            #expect(invoker.entry.kind == "external")
            #expect(invoker.entry.description == "reflects")
            #expect(invoker.entry.hooks == [.toolPreInvoke])
            #expect(invoker.entry.tags == ["remote"])
            #expect(invoker.entry.priority == 7)
            #expect(invoker.entry.mode == .permissive)
            #expect(log.text.contains("Loaded external plugin 'mirror' via gRPC transport"))
            #expect(log.text.contains("Connected to gRPC plugin server at 127.0.0.1:\(port)"))
            #expect(await invoker.describe("MIRROR")?["priority"] == 7)
            #expect(await invoker.describe("other") == nil)
        }
    }

    @Test func whatIsConfiguredHereWins() async throws {
        try await with(local: { entry in
            // As the file says it: the default of the mode, and no tags.
            entry.configuredKeys = ["name", "kind", "grpc", "mode", "tags"]
            entry.priority = 50
        }) { invoker, _ in
            #expect(invoker.entry.mode == .enforce)
            #expect(invoker.entry.tags == [])
            #expect(invoker.entry.priority == 50)
            #expect(invoker.entry.description == "reflects")
        }
    }

    @Test func aCallEndsAtItsDeadlineAndByCancellation() async throws {
        try await with { invoker, _ in
            let late = await invoker.invoke(Self.invocation("hang", deadline: .now + .milliseconds(50)))
            guard case .failure(let error) = late.outcome else {
                Issue.record("it answered")
                return
            }
            #expect(error.code == "TIMEOUT")
            #expect(error.message.contains("plugin 'mirror' at 127.0.0.1:"))
            #expect(invoker.keepsDeadlines)
            let task = Task { await invoker.invoke(Self.invocation("hang")) }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            guard case .failure(let error) = await task.value.outcome else {
                Issue.record("it answered")
                return
            }
            #expect(error.code == "CANCELLED")
        }
    }

    @Test func whatCannotBeSentIsToldAsSuch() async throws {
        try await with { invoker, _ in
            guard
                case .failure(let error) = await invoker.invoke(Self.invocation("look", ["bad": .double(.nan)])).outcome
            else {
                Issue.record("it answered")
                return
            }
            #expect(error.code == "INVALID_PAYLOAD")
            #expect(error.message.contains("payload.args.bad"))
        }
    }

    @Test func aPluginThatIsDownIsAdmittedWhenItAnswers() async throws {
        try await withSocketPath { path in
            let log = LogLines()
            let invoker = try GRPCPluginConnector.make(log: log).invoker(for: .external("mirror", "unix:\(path)"))
            await invoker.start(patience: .seconds(60))
            guard case .failure(let error) = await invoker.invoke(Self.invocation()).outcome else {
                Issue.record("nobody answered")
                return
            }
            #expect(error.code == "PLUGIN_UNAVAILABLE")
            #expect(error.message.contains("plugin 'mirror' cannot be called since 20"))
            #expect(error.message.contains("unix:\(path)"))
            #expect(error.message.contains("No such file or directory"))
            #expect(await invoker.describe("mirror") == nil)
            #expect(await invoker.health == PluginHealth(isServing: false, plugins: ["mirror": false]))
            #expect(log.text.contains { $0.hasPrefix("External plugin cannot be called yet") })
            let updates = invoker.entryUpdates()
            try await PluginTestServer.with(
                path: path, plugins: [Mirror.self], entries: [Self.entry()]
            ) { _ async throws in
                for await entry in updates {
                    #expect(entry.priority == 7)
                    break
                }
                _ = try await invoker.invoke(Self.invocation()).outcome.get()
            }
            await invoker.shutDown()
            guard case .failure = await invoker.invoke(Self.invocation()).outcome else {
                Issue.record("it was shut down")
                return
            }
        }
    }

    @Test func aServerWithoutThePluginIsAskedAgain() async throws {
        try await withSocketPath { path in
            let invoker = try GRPCPluginConnector.make().invoker(for: .external("mirror", "unix:\(path)"))
            try await PluginTestServer.with(
                path: path, plugins: [Mirror.self], entries: [Self.entry("Other")]
            ) { _ async throws in
                await invoker.start(patience: .seconds(60))
                try await eventually("the plugin is missed") {
                    guard case .failure(let error) = await invoker.invoke(Self.invocation()).outcome else {
                        return false
                    }
                    return error.message.contains("has no plugin named 'mirror'")
                }
            }
            try await PluginTestServer.with(
                path: path, plugins: [Mirror.self], entries: [Self.entry()]
            ) { _ async throws in
                try await eventually("it is admitted") { invoker.downReason == nil }
                _ = try await invoker.invoke(Self.invocation()).outcome.get()
            }
            await invoker.shutDown()
        }
    }

    @Test(arguments: kinds) func itsServerIsAskedHowItIs(kind: PluginTestServer.Kind) async throws {
        try await withSocketPath { path in
            let log = LogLines()
            let connector = GRPCPluginConnector.make(log: log, healthCheckInterval: .milliseconds(10))
            let invoker = try connector.invoker(for: .external("mirror", "unix:\(path)"))
            for round in 1...2 {
                try await PluginTestServer.with(
                    kind, path: path, plugins: [Mirror.self], entries: [Self.entry()]
                ) { server async throws in
                    await invoker.start(patience: .seconds(60))
                    try await eventually("it serves") { await invoker.health.isServing }
                    server.host.stopAccepting()
                    try await eventually("it does not serve") { await !invoker.health.isServing }
                    // Its mode decides what a failure means, not this.
                    _ = try await invoker.invoke(Self.invocation()).outcome.get()
                    let complaints = log.text.count { $0 == "External plugin does not serve, says its server" }
                    #expect(complaints == round)
                }
            }
            #expect(log.text.contains("External plugin serves again"))
            await invoker.shutDown()
        }
    }

    @Test func entriesWithOneTargetShareItsConnections() async throws {
        try await PluginTestServer.with(
            plugins: [Mirror.self], entries: [Self.entry(), Self.entry("Second")]
        ) { server async throws in
            let connector = GRPCPluginConnector.make()
            let first = try connector.invoker(for: .external("mirror", "127.0.0.1:\(server.port)"))
            let second = try connector.invoker(for: .external("second", "dns:///127.0.0.1:\(server.port)"))
            await first.start(patience: .seconds(60))
            await second.start(patience: .seconds(60))
            try await eventually("both are admitted") { first.downReason == nil && second.downReason == nil }
            #expect(connector.statuses.count == 1)
            #expect(connector.statuses.first?.status.generation == 1)
            await first.shutDown()
            _ = try await second.invoke(Self.invocation()).outcome.get()
            await second.shutDown()
            #expect(connector.statuses.isEmpty)
        }
    }

    @Test func whatCannotBeDoneIsRefused() {
        let connector = GRPCPluginConnector.make()
        var secured = PluginEntry.external("x", "127.0.0.1:1")
        guard case .grpc(var settings)? = secured.external else { return }
        var tls = ClientTLSSettings()
        tls.caBundle = "/nowhere/ca.crt"
        settings.tls = tls
        secured.external = .grpc(settings)
        for (entry, key, says) in [
            (secured, "grpc.tls.ca_bundle", "/nowhere/ca.crt"), (.external("x", "nowhere"), "grpc.target", "host:port"),
            (PluginEntry(name: "x", kind: "external"), "grpc", "not given"),
        ] {
            let error = #expect(throws: SettingsError.self) { try connector.invoker(for: entry) }
            #expect(error?.key == key)
            #expect(error?.message.contains(says) == true)
        }
    }

    /// A server is killed and started again under 200 callers: every answer is the caller's own, and calls are answered again
    /// soon after its return.
    @Test func aRestartUnderLoadGivesNoWrongAnswer() async throws {
        try await withSocketPath { path in try await restart(at: path) }
    }

    private func restart(at path: String) async throws {
        let invoker = try GRPCPluginConnector.make().invoker(for: .external("mirror", "unix:\(path)"))
        let counts = Counts()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in Int64(0)..<200 {
                group.addTask {
                    var number: Int64 = 0
                    while !counts.stop.load(ordering: .relaxed), !Task.isCancelled {
                        number += 1
                        let id: Value = .int(caller << 32 | number)
                        switch await invoker.invoke(Self.invocation(number % 2 == 0 ? "hop" : "look", ["id": id]))
                            .outcome
                        {
                        case .success(let result):
                            counts.answered.wrappingAdd(1, ordering: .relaxed)
                            if result.modifiedPayload?["args"]?["id"] != id {
                                counts.wrong.wrappingAdd(1, ordering: .relaxed)
                            }
                        case .failure(let error):
                            counts.failed.wrappingAdd(1, ordering: .relaxed)
                            if error.code != "PLUGIN_UNAVAILABLE" { counts.wrong.wrappingAdd(1, ordering: .relaxed) }
                        }
                        try? await Task.sleep(for: .milliseconds(Int64.random(in: 500..<1_500)))
                    }
                }
            }
            for _ in 0..<2 {
                try await PluginTestServer.with(
                    path: path, plugins: [Mirror.self], entries: [Self.entry()]
                ) { _ async throws in
                    await invoker.start()
                    let before = counts.answered.load(ordering: .relaxed)
                    try await eventually("calls are answered") {
                        counts.answered.load(ordering: .relaxed) > before + 200
                    }
                }
                let before = counts.failed.load(ordering: .relaxed)
                try await eventually("calls fail") { counts.failed.load(ordering: .relaxed) > before + 200 }
            }
            counts.stop.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(counts.wrong.load(ordering: .relaxed) == 0)
        await invoker.shutDown()
    }
}
