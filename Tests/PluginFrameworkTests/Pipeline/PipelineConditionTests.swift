// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginFramework
import Testing
import Values

@Suite struct PipelineConditionTests {
    /// A small engine of its own: what is tested is how the pipeline uses one.
    static let patterns = PatternCompiler { pattern in
        let expression = try NSRegularExpression(pattern: pattern)
        return { text in
            if text == "undecidable" { throw PluginError("match limit", pluginName: "") }
            return expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let conditions: [PluginCondition]
        var hook: HookName = .toolPreInvoke
        var payload: Value = ["name": "t"]
        var global = GlobalContext(requestID: "r")
        let matches: Bool
        let testDescription: String
    }

    private static func condition(_ change: (inout PluginCondition) -> Void) -> PluginCondition {
        var condition = PluginCondition()
        change(&condition)
        return condition
    }

    private static func global(_ change: (inout GlobalContext) -> Void) -> GlobalContext {
        var global = GlobalContext(requestID: "r")
        change(&global)
        return global
    }

    private static func resource(_ pattern: String, _ uri: String, _ matches: Bool) -> Case {
        Case(
            conditions: [condition { $0.resources = [pattern] }], hook: .resourcePreFetch,
            payload: ["uri": .string(uri)], matches: matches, testDescription: "resources \(pattern) on \(uri)")
    }

    private static func user(_ pattern: String, _ user: Value?, _ matches: Bool) -> Case {
        Case(
            conditions: [condition { $0.userPatterns = [pattern] }], global: global { $0.user = user },
            matches: matches, testDescription: "user_patterns \(pattern) on \(user?.description ?? "nobody")")
    }

    private static func type(_ wanted: String, _ given: String?, _ matches: Bool) -> Case {
        Case(
            conditions: [condition { $0.contentTypes = [wanted] }], global: global { $0.contentType = given },
            matches: matches, testDescription: "content_types \(wanted) on \(given ?? "nothing")")
    }

    private static func server(_ wanted: [String], _ given: String?, _ matches: Bool) -> Case {
        Case(
            conditions: [condition { $0.serverIDs = wanted }], global: global { $0.serverID = given },
            matches: matches, testDescription: "server_ids \(wanted) on \(given ?? "none")")
    }

    private static func tool(
        _ names: [String], _ hook: HookName, _ payload: Value, _ matches: Bool
    ) -> Case {
        Case(
            conditions: [condition { $0.tools = names }], hook: hook, payload: payload, matches: matches,
            testDescription: "tools \(names) at \(hook) on \(payload)")
    }

    static let cases: [Case] =
        [
            server(["a", "b"], "b", true), server(["a", "b"], "c", false), server(["a"], nil, false),
            server(["e\u{301}"], "\u{e9}", false),
            tool(["t"], .toolPreInvoke, ["name": "t"], true), tool(["t"], .toolPreInvoke, ["name": "T"], false),
            tool(["t"], .toolPostInvoke, ["name": "t", "result": 1], true),
            tool(["t"], .toolPreInvoke, [:], false), tool(["t*"], .toolPreInvoke, ["name": "tt"], false),
            resource("file:///a", "file:///a", true), resource("file:///a", "file:///a/b", false),
            resource("file:///*", "file:///a/b/c.txt", true), resource("*.txt", "file:///a/b/c.txt", true),
            resource("*.txt", "file:///a/b/c.txt2", false), resource("file:///?", "file:///a", true),
            resource("file:///?", "file:///", false), resource("http://x/?q=1", "http://x/?q=1", true),
            resource("http://[::1]/a", "http://[::1]/a", true), resource("a[bc]d", "acd", true),
            resource("a[!bc]d", "acd", false), resource("a[0-9]d", "a5d", true), resource("a[z-a]d", "amd", false),
            resource("a[d", "a[d", true), resource("*a*b*", "xxaxxbxx", true), resource("*a*b*", "xxbxxaxx", false),
            resource("*\u{1F600}?", "a\u{1F600}b", true), resource("*", "anything at all", true),
            user("admin", "site-admin@x", true), user("^admin", "site-admin@x", false),
            user("^admin_[0-9]+@x$", "admin_12@x", true), user("bob+test@x.com", "bob+test@x.com", true),
            user("a.b", "axb", true), user("admin", nil, false), user("admin", "", false),
            user("(?i)ADMIN", "admin", true), user("x.y", "undecidable", true),
            user("admin", ["email": "admin@x", "full_name": "Bob"], true),
            user("Bob", ["email": "admin@x", "full_name": "Bob"], false), user("bob", ["sub": "bob"], true),
            user("bob", ["is_admin": true], false), user("email", ["email": "x"], false),
            type("application/json", "application/json", true),
            type("application/json", "Application/JSON ; charset=utf-8", true),
            type("application/json; charset=utf-8", "application/json", true), type("text/plain", nil, false),
            type("text/plain", " ;", false), type("text/plain", "text/html", false),
        ] + combinations

    /// AND within an object, OR between objects, and hooks that a field does not concern.
    private static let combinations: [Case] = {
        let both = condition {
            $0.tenantIDs = ["x"]
            $0.tools = ["t"]
        }
        let other = condition { $0.serverIDs = ["s"] }
        func at(
            tenant: String?, server: String?, tool: String, _ conditions: [PluginCondition], _ matches: Bool
        ) -> Case {
            Case(
                conditions: conditions, payload: ["name": .string(tool)],
                global: global {
                    $0.tenantID = tenant
                    $0.serverID = server
                }, matches: matches, testDescription: "tenant \(tenant ?? "-") server \(server ?? "-") tool \(tool)")
        }
        return [
            at(tenant: "x", server: nil, tool: "t", [both], true),
            at(tenant: "y", server: nil, tool: "t", [both], false),
            at(tenant: "x", server: nil, tool: "u", [both], false),
            at(tenant: "x", server: nil, tool: "u", [both, other], false),
            at(tenant: nil, server: "s", tool: "u", [both, other], true),
            at(tenant: "x", server: "q", tool: "t", [both, other], true),
            at(tenant: nil, server: nil, tool: "t", [], true),
            at(tenant: nil, server: nil, tool: "t", [PluginCondition()], true),
        ]
    }()

    @Test(arguments: cases)
    func conditionsDecideWhetherAPluginIsAsked(_ example: Case) async throws {
        let invoker = Scripted { _ in PluginResult() }
        let entry = Pipelines.entry("P", hooks: [example.hook], conditions: example.conditions)
        let pipeline = try Pipelines.make([PipelinePlugin(entry, invoker: invoker)], patterns: Self.patterns)
        var request = PipelineRequest(example.global)
        let outcome = await pipeline.run(example.hook, Document(example.payload), in: &request)
        #expect((invoker.invocations.count == 1) == example.matches)
        #expect((outcome.steps.count == 1) == example.matches)
    }

    @Test func aFieldThatAHookIsNotAboutIsNotLookedAtThere() async throws {
        let invoker = Scripted { _ in PluginResult() }
        let entry = Pipelines.entry(
            "P", hooks: [.toolPreInvoke, .promptPreFetch, .httpPreRequest],
            conditions: [Self.condition { $0.tools = ["t"] }])
        let pipeline = try Pipelines.make([PipelinePlugin(entry, invoker: invoker)])
        var request = Pipelines.request()
        _ = await pipeline.run(.promptPreFetch, PromptRequest(promptID: "p"), in: &request)
        _ = await pipeline.run(.httpPreRequest, Document(["path": "/", "method": "GET"]), in: &request)
        _ = await pipeline.run(.toolPreInvoke, ToolCall(name: "u"), in: &request)
        #expect(invoker.invocations.map(\.hook) == [.promptPreFetch, .httpPreRequest])
    }

    @Test func aPluginThatGuardsWhatGoesOnIsAskedAfterTheCallWasRenamed() async throws {
        let guardian = Scripted { _ in Pipelines.block() }
        let former = Scripted { _ in PluginResult() }
        let pipeline = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("renamer", priority: 1)) { _ in
                PluginResult(modifiedPayload: ToolCall(name: "dangerous").document)
            },
            PipelinePlugin(
                Pipelines.entry("former", priority: 2, conditions: [Self.condition { $0.tools = ["harmless"] }]),
                invoker: former),
            PipelinePlugin(
                Pipelines.entry("guardian", priority: 3, conditions: [Self.condition { $0.tools = ["dangerous"] }]),
                invoker: guardian),
        ])
        var request = Pipelines.request()
        let outcome = await pipeline.run(.toolPreInvoke, ToolCall(name: "harmless"), in: &request)
        #expect(outcome.block?.plugin == "guardian")
        #expect(former.invocations.count == 1)
    }

    // MARK: What fails start

    struct FaultCase: Sendable {
        let key: String
        let change: @Sendable (inout PluginCondition) -> Void
    }

    static let faults: [FaultCase] = [
        FaultCase(key: "conditions.1.user_patterns.1") { $0.userPatterns = ["fine", "(unclosed"] },
        FaultCase(key: "conditions.1.server_ids.0") { $0.serverIDs = [""] },
        FaultCase(key: "conditions.1.tenant_ids.1") { $0.tenantIDs = ["x", ""] },
        FaultCase(key: "conditions.1.tools.0") { $0.tools = [""] },
        FaultCase(key: "conditions.1.content_types.0") { $0.contentTypes = ["; charset=utf-8"] },
        FaultCase(key: "conditions.1.prompts") { $0.prompts = ["p"] },
        FaultCase(key: "conditions.1.resources") { $0.resources = ["*"] },
        FaultCase(key: "conditions.1.agents") { $0.agents = ["a"] },
    ]

    @Test(arguments: faults.indices)
    func aConditionThatCanNeverMatchFailsStartNamingEntryAndKey(_ index: Int) throws {
        let fault = Self.faults[index]
        let entry = Pipelines.entry(
            "P", hooks: [.toolPreInvoke, .toolPostInvoke],
            conditions: [PluginCondition(), Self.condition(fault.change)])
        let error = #expect(throws: PluginLoadError.self) {
            try Pipelines.make(
                [
                    Pipelines.plugin(Pipelines.entry("first")) { _ in PluginResult() },
                    Pipelines.plugin(entry) { _ in PluginResult() },
                ], patterns: Self.patterns)
        }
        #expect(error?.faults.map(\.index) == [1])
        #expect(error?.faults.map(\.plugin) == ["P"])
        #expect(error?.faults.map(\.key) == [fault.key])
    }

    @Test func allFaultsAreNamedAtOnce() throws {
        let error = #expect(throws: PluginLoadError.self) {
            try Pipelines.make([
                Pipelines.plugin(Pipelines.entry("a", conditions: [Self.condition { $0.serverIDs = [""] }])) { _ in
                    PluginResult()
                },
                Pipelines.plugin(
                    Pipelines.entry("A", conditions: [Self.condition { $0.userPatterns = ["x.*"] }])
                ) { _ in PluginResult() },
            ])
        }
        #expect(error?.faults.map(\.key) == ["conditions.0.server_ids.0", "name", "conditions.0.user_patterns.0"])
    }

    @Test func plainTextsNeedNoRegularExpressions() throws {
        _ = try Pipelines.make([
            Pipelines.plugin(Pipelines.entry("P", conditions: [Self.condition { $0.userPatterns = ["bob@x"] }])) { _ in
                PluginResult()
            }
        ])
    }
}
