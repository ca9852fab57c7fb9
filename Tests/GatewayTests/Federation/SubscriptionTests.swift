// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("Subscriptions to resources")
struct SubscriptionTests {
    /// Notes the resources that a client is told of.
    private final class Listening: MCPClientHandler {
        private let heard = Mutex<[String]>([])

        var uris: [String] { heard.withLock { $0 } }

        func notification(_ method: String, _ params: Document?) async {
            guard method == "notifications/resources/updated" else { return }
            heard.withLock { $0.append(params?["uri"]?.stringValue ?? "-") }
        }
    }

    private static var upstream: TestUpstream {
        TestUpstream(resources: [["uri": "x:1", "name": "x"], ["uri": "x:2", "name": "y"]])
    }

    private func change(_ client: MCPClient, _ method: String, _ uri: String = "a+x:1") async throws(MCPClientError) {
        _ = try await client.request("resources/\(method)", Document(object: ["uri": .string(uri)]))
    }

    private func asked(_ upstream: TestUpstream, _ method: String) -> [TestUpstream.Asked] {
        upstream.asked.filter { $0.method == "resources/\(method)" }
    }

    @Test("Clients that share a session subscribe once at the upstream, until the last of them leaves")
    func counting() async throws {
        let upstream = Self.upstream
        try await TestGateway.with([("a", upstream)], adjusting: { $0.upstreams[0].sessions = .shared }) {
            (gateway) async throws in
            let (one, two) = (Listening(), Listening())
            let first = try await gateway.connect(handler: one)
            let second = try await gateway.connect(handler: two)
            try await change(first, "subscribe")
            try await change(first, "subscribe")
            try await change(second, "subscribe")
            #expect(asked(upstream, "subscribe").count == 1)
            upstream.update("x:1")
            #expect(await eventually { one.uris == ["a+x:1"] && two.uris == ["a+x:1"] })
            // One leaves: nothing changes at the upstream, and the other still hears.
            try await change(first, "unsubscribe")
            try await change(first, "unsubscribe")
            #expect(asked(upstream, "unsubscribe").isEmpty)
            upstream.update("x:1")
            #expect(await eventually { two.uris.count == 2 })
            #expect(one.uris.count == 1)
            // The last one leaves by ending its session.
            await second.close()
            #expect(await eventually { asked(upstream, "unsubscribe").count == 1 })
            await first.close()
        }
    }

    @Test("Clients with sessions of their own subscribe on these, and each hears once")
    func ownSessions() async throws {
        let upstream = Self.upstream
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let (one, two) = (Listening(), Listening())
            let first = try await gateway.connect(handler: one)
            let second = try await gateway.connect(handler: two)
            try await change(first, "subscribe")
            try await change(second, "subscribe")
            try await change(second, "subscribe", "a+x:2")
            // A session that begins with a subscription may ask for it twice, which is the same as once.
            let subscriptions = asked(upstream, "subscribe")
            let sessions = subscriptions.map(\.session)
            #expect(Set(subscriptions.map { "\($0.session) \($0.params)" }).count == 3 && Set(sessions).count == 2)
            upstream.update("x:1")
            upstream.update("x:2")
            #expect(await eventually { one.uris.count == 1 && two.uris.count == 2 })
            try await change(first, "unsubscribe")
            #expect(asked(upstream, "unsubscribe").map(\.session) == [sessions[0]])
            upstream.update("x:1")
            #expect(await eventually { two.uris == ["a+x:1", "a+x:2", "a+x:1"] })
            #expect(one.uris == ["a+x:1"])
            await first.close()
            await second.close()
        }
    }

    @Test("A subscription that the upstream refuses is none")
    func refused() async throws {
        try await TestGateway.with([("a", Self.upstream)]) { (gateway) async throws in
            let client = try await gateway.connect()
            let error = await failure { () throws(MCPClientError) in
                try await client.request("resources/subscribe", Document(object: ["uri": "b+x:9"]))
            }
            #expect(error?.code == JSONRPCError.resourceNotFoundCode)
            await client.close()
        }
    }

    @Test(
        "After a restart of the upstream clients hear again, without having to ask for anything",
        arguments: [UpstreamSettings.Sessions.auto, .shared])
    func restart(sessions: UpstreamSettings.Sessions) async throws {
        let upstream = Self.upstream
        let folder = try TestFolder()
        try await TestGateway.with(
            [],
            adjusting: { settings in
                var address = UpstreamAddress(url: "http://localhost/mcp")
                address.socketPath = folder.socket("a")
                settings.upstreams = [UpstreamSettings(name: "a", target: .http(address), prefix: "a")]
                settings.upstreams[0].sessions = sessions
            }
        ) { (gateway) async throws in
            let heard = Listening()
            let client = try await gateway.connect(handler: heard)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                try TestGateway.serve(upstream, at: folder.socket("a"), in: &tasks)
                #expect(await eventually { (try? await change(client, "subscribe")) != nil })
                upstream.update("x:1")
                #expect(await eventually { heard.uris == ["a+x:1"] })
                tasks.cancelAll()
            }
            let before = asked(upstream, "subscribe").count
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                try TestGateway.serve(upstream, at: folder.socket("a"), in: &tasks)
                #expect(await eventually { asked(upstream, "subscribe").count > before })
                upstream.update("x:1")
                #expect(await eventually { heard.uris.count >= 2 })
                tasks.cancelAll()
            }
            await client.close()
        }
    }
}
