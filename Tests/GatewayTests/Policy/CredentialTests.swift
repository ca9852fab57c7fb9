// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Testing
import Values

@testable import Gateway

@Suite("Plugins that ask for credentials")
struct CredentialTests {
    private static let token = "Bearer 0123456789abcdef"
    private static let headers = [
        ("Authorization", token), ("Cookie", "session=SECRET"), ("X-Api-Key", "SECRET"), ("X-Trace", "1"),
    ]

    /// A member of a chain that asks for credentials.
    private static func asking(_ plugin: TestPlugin, _ hooks: HookName..., priority: Int) -> PipelinePlugin {
        var entry = PluginEntry(name: "asking\(priority)", kind: "test")
        entry.hooks = hooks
        entry.priority = priority
        entry.receivesCredentials = true
        return PipelinePlugin(entry, invoker: plugin)
    }

    private static func call(
        _ plugins: [PipelinePlugin], to upstream: TestUpstream
    ) async throws {
        try await TestGateway.with([("a", upstream)], plugins: plugins) { (gateway) async throws in
            let client = try await gateway.connect(headers: headers)
            _ = try await client.call("a-echo", ["text": "x"])
            await client.close()
        }
    }

    @Test("Only the plugin that asks sees them, whichever comes before and after it")
    func onlyWhoAsks() async throws {
        let (before, asking, after) = (TestPlugin.changingText, TestPlugin.changingText, TestPlugin.changingText)
        try await Self.call(
            [
                before.at(.httpPreRequest, .toolPreInvoke, .httpPostRequest, priority: 1),
                Self.asking(asking, .httpPreRequest, .toolPreInvoke, .httpPostRequest, priority: 2),
                after.at(.httpPreRequest, .toolPreInvoke, .httpPostRequest, priority: 3),
            ], to: TestUpstream())
        for hook in [HookName.httpPreRequest, .toolPreInvoke, .httpPostRequest] {
            let seen = try #require(asking.invocations.last { $0.hook == hook }?.payload["headers"]?.objectValue)
            #expect(seen["authorization"]?.stringValue == Self.token, "\(hook)")
            #expect(seen["cookie"] == "session=SECRET" && seen["x-api-key"] == "SECRET", "\(hook)")
            for other in [before, after] {
                let calls = other.invocations.filter { $0.hook == hook }
                #expect(!calls.isEmpty, "\(hook)")
                for call in calls { #expect(!call.payload.description.contains("SECRET"), "\(hook)") }
                for call in calls { #expect(!call.payload.description.contains(Self.token), "\(hook)") }
            }
        }
    }

    @Test("A plugin that sends all back does not send them on, however it spells their names")
    func notSentOn() async throws {
        let upstream = TestUpstream()
        let shouting = TestPlugin { invocation in
            var payload = invocation.payload
            let headers = payload["headers"]?.objectValue ?? [:]
            payload["headers"] = .object(ValueObject(headers.map { ($0.key.uppercased(), $0.value) }))
            payload["args"] = ["text": "changed"]
            return PluginResult(modifiedPayload: payload)
        }
        let after = TestPlugin { _ in PluginResult() }
        try await Self.call(
            [Self.asking(shouting, .toolPreInvoke, priority: 1), after.at(.toolPreInvoke, priority: 2)], to: upstream)
        let asked = try #require(upstream.asked.last { $0.method == "tools/call" })
        #expect(asked.params["arguments"] == ["text": "changed"])
        #expect(!asked.headers.values.contains { $0.contains("SECRET") || $0 == Self.token })
        #expect(after.invocations.count == 1)
        #expect(!after.invocations.contains { $0.payload.description.contains("SECRET") })
    }

    @Test("What a plugin sets in their place is its own, and reaches the upstream")
    func exchanged() async throws {
        let upstream = TestUpstream()
        let exchanging = TestPlugin { invocation in
            var payload = invocation.payload
            var headers = payload["headers"]?.objectValue ?? [:]
            headers["authorization"] = "Bearer of-the-plugin"
            payload["headers"] = .object(headers)
            return PluginResult(modifiedPayload: payload)
        }
        try await Self.call([Self.asking(exchanging, .toolPreInvoke, priority: 1)], to: upstream)
        let asked = try #require(upstream.asked.last { $0.method == "tools/call" })
        #expect(asked.headers["authorization"] == "Bearer of-the-plugin")
        #expect(!asked.headers.values.contains { $0.contains("SECRET") })
    }
}

extension TestPlugin {
    /// Sends each payload back with another header and, of a tool, another text.
    fileprivate static var changingText: TestPlugin {
        TestPlugin { invocation in
            switch invocation.hook {
            case .httpPreRequest:
                return PluginResult(modifiedPayload: Document(invocation.payload["headers"] ?? [:]))
            case .toolPreInvoke:
                var payload = invocation.payload
                payload["args"] = ["text": .string((payload["args"]?["text"]?.stringValue ?? "") + "+")]
                return PluginResult(modifiedPayload: payload)
            default:
                return PluginResult()
            }
        }
    }
}
