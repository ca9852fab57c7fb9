// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import PluginFramework
import Testing
import Values

private struct Echo: Plugin, ToolPreInvoke {
    struct Settings: PluginSettings {
        var suffix = ""
        var isBroken = false
    }

    static var kindAliases: [String] { ["plugins.echo.Echo"] }
    let settings: Settings

    init(settings: Settings) throws {
        guard !settings.isBroken else { throw SettingsError(key: "is_broken", "must be false; mend the plugin") }
        self.settings = settings
    }

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        guard !settings.suffix.isEmpty else { return .pass }
        var call = call
        call.name += settings.suffix
        context.state["seen"] = .string(call.name)
        return .pass(call, metadata: ["echoed": true])
    }
}

private struct Misbehaving: Plugin, ToolPreInvoke, PromptPreFetch {
    struct Fault: Error {}

    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        switch call.name {
        case "throw": throw Fault()
        case "throw in band":
            throw PluginError("no luck", pluginName: "", code: "LUCK", details: ["n": 1], mcpErrorCode: -1)
        case "throw silently": throw PluginError("", pluginName: "")
        case "never": await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        case "sleep": try await Task.sleep(for: .seconds(3600))
        case "block": return .block(PluginViolation(code: "NO", reason: "no", details: ["a": 1], httpStatusCode: 451))
        default: break
        }
        return .pass
    }

    func promptPreFetch(_ request: PromptRequest, context: PluginContext) async throws -> Verdict<PromptRequest> {
        await Task.yield()
        context.global.state["yielded"] = true
        return .pass
    }
}

private struct Blocking: Plugin, ToolPreInvoke {
    static var isBlocking: Bool { true }
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        usleep(useconds_t(0 * 1_000_000 + 20_000_000 / 1000))
        return .pass
    }
}

private struct Custom: Plugin {
    let settings: NoSettings
    var customHooks: [HookHandler] {
        [
            HookHandler("my_hook") { (payload: AnyPayload, _) in
                Verdict<AnyPayload>.pass(AnyPayload(["got": payload.document.value]))
            },
            HookHandler(.toolPostInvoke) { (_: AnyPayload, _) in
                Verdict<AnyPayload>.pass(AnyPayload("this is no tool result"))
            },
        ]
    }
}

@Suite struct PluginHostTests {
    private static let registry = PluginRegistry([Echo.self, Misbehaving.self, Blocking.self, Custom.self])

    private func host(
        _ entries: PluginEntry..., configure: (inout PluginHostConfiguration) -> Void = { _ in }
    ) async throws -> PluginHost {
        var configuration = PluginHostConfiguration()
        configure(&configuration)
        return try await PluginHost.load(
            entries, registry: Self.registry, configuration: configuration, logger: .silent)
    }

    private func entry(
        _ name: String, _ kind: String, config: ValueObject = [:], mode: PluginMode = .enforce, limit: Duration? = nil
    ) -> PluginEntry {
        var entry = PluginEntry(name: name, kind: kind)
        entry.timeout = limit
        entry.config = config
        entry.mode = mode
        return entry
    }

    private func call(
        _ host: PluginHost, _ plugin: String, tool: String = "t", hook: HookName = .toolPreInvoke
    ) async -> PluginAnswer {
        await host.invoke(
            PluginInvocation(
                hook: hook, plugin: plugin, payload: ToolCall(name: tool).document,
                context: PluginContext(global: GlobalContext(requestID: "r"))))
    }

    @Test func runsOneHookAndReturnsWhatChanged() async throws {
        let host = try await host(entry("Echo", "Echo", config: ["suffix": "!"]))
        let answer = await call(host, "Echo")
        let result = try answer.outcome.get()
        #expect(result.modifiedPayload?["name"] == "t!")
        #expect(result.metadata == ["echoed": true])
        #expect(answer.context?.state == ["seen": "t!"])
        await host.shutdown()
    }

    @Test func aPluginThatChangesNothingAnswersAPlainPassWithoutContext() async throws {
        let host = try await host(entry("Echo", "plugins.echo.Echo"))
        let answer = await call(host, "Echo")
        #expect(try answer.outcome.get().isPlainPass)
        #expect(answer.context == nil)
        await host.shutdown()
    }

    @Test func namesMatchWithoutRegardToCaseWhenThatIsUnambiguous() async throws {
        let host = try await host(entry("Echo", "Echo"), entry("Twin", "Echo"), entry("TWIN", "Echo"))
        do {
            let answer = await call(host, "eCHO")
            #expect(answer.plugin == "Echo")
        }
        do {
            let answer = await call(host, "TWIN")
            #expect(answer.plugin == "TWIN")
        }
        let ambiguous = await call(host, "twin").outcome
        #expect(throws: PluginError.self) { try ambiguous.get() }
        await host.shutdown()
    }

    @Test(arguments: [
        ("throw", "INTERNAL_ERROR", "Fault"), ("throw in band", "LUCK", "no luck"),
        ("throw silently", "", "without a message"), ("never", "TIMEOUT", "0.2 s"),
        ("sleep", "TIMEOUT", "plugin_timeout"),
    ])
    func failuresAreInBandAndTouchNobodyElse(tool: String, code: String, message: String) async throws {
        // Only what does not return at once can come to its limit, however busy the machine is.
        let host = try await host(entry("Bad", "Misbehaving", limit: .milliseconds(200)), entry("Echo", "Echo"))
        async let failed = call(host, "Bad", tool: tool)
        do {
            let result = try await call(host, "Echo").outcome.get()
            #expect(result.isPlainPass)
        }
        let outcome = await failed.outcome
        let error = #expect(throws: PluginError.self) { try outcome.get() }
        #expect(error?.code == code)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.pluginName == "Bad")
        do {
            let result = try await call(host, "Bad", tool: "fine").outcome.get()
            #expect(result.isPlainPass)
        }
        await host.shutdown()
    }

    @Test func cancellingTheCallerEndsTheCall() async throws {
        let host = try await host(entry("Bad", "Misbehaving"))
        // Waits for the plugin, which has begun, when this returns.
        let task = Task.immediate { await call(host, "Bad", tool: "never") }
        task.cancel()
        let outcome = await task.value.outcome
        let error = #expect(throws: PluginError.self) { try outcome.get() }
        #expect(error?.code == "CANCELLED")
        await host.shutdown()
    }

    @Test func callsThatNeverReturnAreBounded() async throws {
        let host = try await host(entry("Bad", "Misbehaving")) {
            $0.timeLimit = .milliseconds(30)
            $0.maximumAbandonedCalls = 3
        }
        for _ in 0..<3 { _ = await call(host, "Bad", tool: "never") }
        let outcome = await call(host, "Bad", tool: "fine").outcome
        let error = #expect(throws: PluginError.self) { try outcome.get() }
        #expect(error?.code == "PLUGIN_EXHAUSTED")
        await host.shutdown()
    }

    @Test func aCallThatReturnsLateIsNoLongerCountedAsAbandoned() async throws {
        let host = try await host(entry("Bad", "Misbehaving")) {
            $0.timeLimit = .milliseconds(30)
            $0.maximumAbandonedCalls = 1
        }
        // Each ends by the cancellation that the time limit brings, a little later than its caller goes on.
        for _ in 0..<3 {
            var code: String?
            for _ in 0..<12_000 {
                let outcome = await call(host, "Bad", tool: "sleep").outcome
                code = #expect(throws: PluginError.self) { try outcome.get() }?.code
                guard code == "PLUGIN_EXHAUSTED" else { break }
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(code == "TIMEOUT")
        }
        await host.shutdown()
    }

    @Test func unknownPluginsHooksAndDisabledOnesAreNamed() async throws {
        let host = try await host(entry("Echo", "Echo"), entry("Off", "NoSuchKind", mode: .disabled))
        for (plugin, hook, code) in [
            ("Ecko", HookName.toolPreInvoke, "PLUGIN_NOT_FOUND"), ("Echo", "no_such_hook", "HOOK_NOT_FOUND"),
            ("Off", .toolPreInvoke, "PLUGIN_DISABLED"),
        ] {
            let outcome = await call(host, plugin, hook: hook).outcome
            let error = #expect(throws: PluginError.self) { try outcome.get() }
            #expect(error?.code == code)
        }
        let configurations = await host.describeAll()
        #expect(configurations.count == 2)
        await host.shutdown()
    }

    @Test func payloadsThatAreNotWhatTheHookTakesAreRefused() async throws {
        let host = try await host(entry("Echo", "Echo"))
        for payload: Value in [
            nil, "text", [:], ["name": 1], ["name": "t", "args": []], ["name": "t", "headers": ["a": 1]],
        ] {
            let answer = await host.invoke(
                PluginInvocation(
                    hook: .toolPreInvoke, plugin: "Echo", payload: Document(payload),
                    context: PluginContext(global: GlobalContext(requestID: "r"))))
            let error = #expect(throws: PluginError.self) { try answer.outcome.get() }
            #expect(error?.code == "INVALID_PAYLOAD", "\(payload)")
        }
        await host.shutdown()
    }

    @Test func customHooksRunAndNonsenseIsRefused() async throws {
        let host = try await host(entry("Custom", "Custom"))
        let answer = await host.invoke(
            PluginInvocation(
                hook: "my_hook", plugin: "Custom", payload: Document([1, 2]),
                context: PluginContext(global: GlobalContext(requestID: "r"))))
        #expect(try answer.outcome.get().modifiedPayload?.value == ["got": [1, 2]])
        let nonsense = await call(host, "Custom", hook: .toolPostInvoke).outcome
        let error = #expect(throws: PluginError.self) { try nonsense.get() }
        #expect(error?.message.contains("tool_post_invoke") == true)
        await host.shutdown()
    }

    @Test func loadingReportsAllFaultsAtOnce() async throws {
        var wrongHook = entry("Hook", "Echo")
        wrongHook.hooks = ["tool_pre_invok"]
        let entries = [
            entry("A", "Ecko"), entry("B", "Echo", config: ["sufix": "x"]),
            entry("C", "Echo", config: ["is_broken": true]), wrongHook,
            entry("D", "Echo"),
        ]
        let error = await #expect(throws: PluginLoadError.self) {
            try await PluginHost.load(entries, registry: Self.registry, logger: .silent)
        }
        #expect(error?.faults.map(\.key) == ["kind", "config.sufix", "config.is_broken", "hooks.0"])
        #expect(error?.description.contains("did you mean \"Echo\"?") == true)
        #expect(error?.description.contains("did you mean \"suffix\"?") == true)
        #expect(error?.description.contains("did you mean \"tool_pre_invoke\"?") == true)
    }

    @Test func blockingPluginsRunSideBySide() async throws {
        let host = try await host(entry("Slow", "Blocking"))
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<40 { group.addTask { (try? await call(host, "Slow").outcome.get())?.isPlainPass == true } }
            for await isPass in group { #expect(isPass) }
        }
        await host.shutdown()
    }

    @Test func aPluginThatSuspendsKeepsItsChanges() async throws {
        let host = try await host(entry("Bad", "Misbehaving"))
        let answer = await host.invoke(
            PluginInvocation(
                hook: .promptPreFetch, plugin: "Bad", payload: PromptRequest(promptID: "p").document,
                context: PluginContext(global: GlobalContext(requestID: "r"))))
        #expect(answer.context?.global.state == ["yielded": true])
        await host.shutdown()
    }

    @Test func twoHundredCallsAtOnceGetTheirOwnAnswers() async throws {
        let host = try await host(entry("Echo", "Echo", config: ["suffix": "?"]))
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let answer = await call(host, "Echo", tool: "tool\(number)")
                    return (try? answer.outcome.get())?.modifiedPayload?["name"] == .string("tool\(number)?")
                }
            }
            for await isOwn in group { #expect(isOwn) }
        }
        await host.shutdown()
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
