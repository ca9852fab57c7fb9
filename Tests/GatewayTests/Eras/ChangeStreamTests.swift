// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Testing
import Values

@testable import Gateway

@Suite("Streams of notifications to clients without sessions")
struct ChangeStreamTests {
    /// What a client hears on one stream.
    final class Ears: Sendable {
        private let events = Mutex<[String]>([])
        private let granted = Mutex<MCPSubscriptionFilter?>(nil)

        var heard: [String] { events.withLock { $0 } }
        var filter: MCPSubscriptionFilter? { granted.withLock { $0 } }

        func take(_ event: MCPListenEvent) {
            switch event {
            case .acknowledged(let filter, _): granted.withLock { $0 = filter }
            case .notification(let method, let params):
                events.withLock {
                    $0.append([method, params?["uri"]?.stringValue].compactMap { $0 }.joined(separator: " "))
                }
            case .ended: break
            }
        }
    }

    static let eras = [ProtocolEra.handshake, .modern]

    @Test("Changes of lists and of resources reach the streams that want them", arguments: eras)
    func changes(_ era: ProtocolEra) async throws {
        let upstream = TestUpstream(
            resources: [["uri": "x:1", "name": "one"], ["uri": "x:2", "name": "two"]], eras: [era])
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect(mode: .modern)
            var lists = MCPSubscriptionFilter()
            lists.toolsListChanged = true
            var resources = MCPSubscriptionFilter()
            resources.resourceSubscriptions = ["a+x:1"]
            let (tools, one) = (Ears(), Ears())
            let listeners = [
                try client.listen(to: lists) { tools.take($0) }, try client.listen(to: resources) { one.take($0) },
            ]
            #expect(await eventually { tools.filter != nil && one.filter != nil })
            #expect(tools.filter == lists && one.filter == resources)
            #expect(await eventually { upstream.isFollowed("x:1") })
            upstream.change(tools: [TestUpstream.tool("new")])
            upstream.update("x:2")
            upstream.update("x:1")
            #expect(await eventually { !tools.heard.isEmpty && !one.heard.isEmpty })
            #expect(tools.heard == ["notifications/tools/list_changed"])
            #expect(one.heard == ["notifications/resources/updated a+x:1"])
            #expect(try await client.list("tools/list", "tools") == ["a-new"])
            for listener in listeners { listener.close() }
            await client.close()
        }
    }

    @Test("A server is asked once for what several want to hear of, and no more when the last is gone", arguments: eras)
    func counted(_ era: ProtocolEra) async throws {
        let upstream = TestUpstream(resources: [["uri": "x:1", "name": "one"]], eras: [era])
        try await TestGateway.with([("a", upstream)]) { (gateway) async throws in
            let client = try await gateway.connect(mode: .modern)
            let session = try await gateway.connect()
            var filter = MCPSubscriptionFilter()
            filter.resourceSubscriptions = ["a+x:1"]
            let ears = [Ears(), Ears()]
            var listeners: [MCPListener] = []
            for ear in ears { listeners.append(try client.listen(to: filter) { ear.take($0) }) }
            #expect(await eventually { ears.allSatisfy { $0.filter != nil } })
            _ = try await session.request("resources/subscribe", Document(object: ["uri": "a+x:1"]))
            #expect(await eventually { upstream.isFollowed("x:1") })
            listeners[0].close()
            upstream.update("x:1")
            #expect(await eventually { !ears[1].heard.isEmpty })
            listeners[1].close()
            await session.close()
            #expect(await eventually { !upstream.isFollowed("x:1") })
            await client.close()
        }
    }

    @Test("What may not be read is not acknowledged")
    func notGranted() async throws {
        let upstream = TestUpstream(resources: [["uri": "x:1", "name": "one"]])
        try await TestGateway.with(
            [("a", upstream)],
            adjusting: { settings in
                var server = VirtualServerSettings(id: "some")
                server.select.resources = ["a+x:1"]
                settings.servers = [server]
            }
        ) { (gateway) async throws in
            let client = try await gateway.connect("/servers/some/mcp", mode: .modern)
            var filter = MCPSubscriptionFilter()
            filter.resourceSubscriptions = ["a+x:1", "a+x:2", "b+x:1"]
            let ears = Ears()
            let listener = try client.listen(to: filter) { ears.take($0) }
            #expect(await eventually { ears.filter != nil })
            #expect(ears.filter?.resourceSubscriptions == ["a+x:1"])
            listener.close()
            await client.close()
        }
    }
}
