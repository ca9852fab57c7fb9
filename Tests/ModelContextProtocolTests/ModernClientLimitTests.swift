// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing
import Values

/// Our client in revision 2026-07-28 with servers that do what they may not, and what it remembers of servers that change.
@Suite struct ModernClientLimitTests {
    /// Answers `server/discover` as a server of the revision does; false for everything else.
    private static func answersDiscover(_ message: Value, _ exchange: HTTPExchange) -> Bool {
        guard message["method"] == "server/discover" else { return false }
        let id = message["id"] ?? nil
        RawMCPServer.json(
            exchange,
            #"{"jsonrpc":"2.0","id":\#(id),"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}}"#)
        return true
    }

    private static func refuse(
        _ message: Value, _ exchange: HTTPExchange, _ code: Int, status: HTTPResponseStatus = .badRequest,
        namesID: Bool = true
    ) {
        let id = namesID ? message["id"] ?? nil : nil
        RawMCPServer.json(
            exchange, #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"no"}}"#, status: status)
    }

    private static let acknowledgement =
        #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true}}}"#

    /// Begins a stream of events with these messages, and leaves it open.
    private static func stream(_ exchange: HTTPExchange, _ messages: String...) -> HTTPResponseStream {
        let stream = exchange.stream(status: .ok, headers: ["content-type": "text/event-stream"])
        for message in messages { try? stream.writeNow(ByteBuffer(string: "data: \(message)\n\n")) }
        return stream
    }

    // MARK: Time limits

    @Test func anAcknowledgementInACallDoesNotEndItsTimeLimit() async throws {
        let streams = Mutex<[HTTPResponseStream]>([])
        try await RawMCPServer.with { _, message, exchange in
            if Self.answersDiscover(message, exchange) { return }
            let stream = Self.stream(exchange, Self.acknowledgement)
            streams.withLock { $0.append(stream) }
        } _: { url, http in
            let client = try await ModernClient.connect(url, http)
            let options = MCPRequestOptions(timeout: .milliseconds(200))
            let failure = await error { _ = try await client.request("tools/list", nil, options: options) }
            guard case .timeout = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            await client.close()
        }
    }

    @Test func theLimitOfARequestIsForAllItsRounds() async throws {
        try await HTTPTestServer.with(ModernApplication()) { server in
            let client = try await ModernClient.connect("\(server.address)", server.http)
            var options = MCPRequestOptions(timeout: .seconds(60))
            options.progressTimeout = .milliseconds(300)
            options.inputRequired = .answered(rounds: .max)
            let insist = Document(object: ["name": "insist"])
            let failure = await error { _ = try await client.request("tools/call", insist, options: options) }
            guard case .timeout = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            await client.close()
        }
    }

    // MARK: Eras

    @Test(arguments: [-32_020, -32_021])
    func errorsThatOnlyTheRevisionHasAreNoReasonToAskForASession(_ code: Int) async throws {
        let asked = Mutex<[Value]>([])
        try await RawMCPServer.with { _, message, exchange in
            asked.withLock { $0.append(message["method"] ?? nil) }
            Self.refuse(message, exchange, code)
        } _: { url, http in
            let memory = MCPEraMemory()
            let failure = await error { _ = try await ModernClient.connect(url, http, mode: .auto(memory)) }
            guard case .rpc(let answer) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(answer.code == code && memory.era == nil)
        }
        let methods = asked.withLock { $0 }
        #expect(methods == ["server/discover"])
    }

    @Test(arguments: [HTTPResponseStatus.ok, .internalServerError])
    func aServerThatFailsOnceIsAskedAgain(_ status: HTTPResponseStatus) async throws {
        let failures = Atomic<Int>(0)
        try await RawMCPServer.with { request, message, exchange in
            if message["method"] == "server/discover",
                failures.wrappingAdd(1, ordering: .relaxed).oldValue == 0
            {
                return Self.refuse(message, exchange, -32_603, status: status)
            }
            if Self.answersDiscover(message, exchange) { return }
            _ = RawMCPServer.answersLifecycle(request, message, exchange)
        } _: { url, http in
            let memory = MCPEraMemory()
            for revision in [ProtocolRevision.v2025_11_25, .v2026_07_28] {
                let client = try await ModernClient.connect(url, http, mode: .auto(memory))
                #expect(client.server.revision == revision)
                await client.close()
            }
            #expect(memory.era == .modern)
        }
    }

    /// Whether its refusal of `initialize` names the request, or not even that.
    @Test(arguments: [true, false])
    func aServerThatHasBecomeAnotherIsFound(namesID: Bool) async throws {
        let isNew = Atomic<Bool>(false)
        try await RawMCPServer.with { request, message, exchange in
            guard isNew.load(ordering: .relaxed) else {
                if message["method"] == "server/discover" { return Self.refuse(message, exchange, -32_601) }
                _ = RawMCPServer.answersLifecycle(request, message, exchange)
                return
            }
            if Self.answersDiscover(message, exchange) { return }
            Self.refuse(message, exchange, -32_022, namesID: namesID)
        } _: { url, http in
            let memory = MCPEraMemory()
            let first = try await ModernClient.connect(url, http, mode: .auto(memory))
            await first.close()
            #expect(memory.era == .handshake)
            isNew.store(true, ordering: .relaxed)
            if !namesID {
                #expect(await error { _ = try await ModernClient.connect(url, http, mode: .auto(memory)) } != nil)
                #expect(memory.era == nil)
            }
            let second = try await ModernClient.connect(url, http, mode: .auto(memory))
            #expect(second.server.revision == .v2026_07_28 && memory.era == .modern)
            await second.close()
        }
    }

    // MARK: Streams of notifications

    private static func heard(_ event: MCPListenEvent) -> String {
        switch event {
        case .acknowledged(_, let isFirst): "acknowledged \(isFirst)"
        case .notification(let method, _): method
        case .ended(let error): "ended \(error.map { "\($0)" } ?? "")"
        }
    }

    @Test func aStreamIsAcknowledgedOnceAndItsEndIsToldWhenTheClientIsClosed() async throws {
        let streams = Mutex<[HTTPResponseStream]>([])
        try await RawMCPServer.with { _, message, exchange in
            if Self.answersDiscover(message, exchange) { return }
            let changed = #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
            let stream = Self.stream(exchange, Self.acknowledgement, Self.acknowledgement, changed)
            streams.withLock { $0.append(stream) }
        } _: { url, http in
            let client = try await ModernClient.connect(url, http)
            let heard = Mutex<[String]>([])
            _ = try client.listen(to: MCPSubscriptionFilter()) { event in
                heard.withLock { $0.append(Self.heard(event)) }
            }
            try await eventually { heard.withLock { $0.last } == MCPMethod.toolsChanged }
            await client.close()
            #expect(heard.withLock { $0 } == ["acknowledged true", MCPMethod.toolsChanged, "ended "])
        }
    }

    @Test func aStreamThatIsRefusedEnds() async throws {
        try await RawMCPServer.with { _, message, exchange in
            if !Self.answersDiscover(message, exchange) { Self.refuse(message, exchange, -32_601, status: .notFound) }
        } _: { url, http in
            let client = try await ModernClient.connect(url, http)
            let end = Mutex<MCPClientError?>(nil)
            _ = try client.listen(to: MCPSubscriptionFilter()) { event in
                if case .ended(let error) = event { end.withLock { $0 = error } }
            }
            try await eventually { end.withLock { $0 } != nil }
            guard case .rpc(let refusal) = end.withLock({ $0 }) else {
                Issue.record("the refusal is not told")
                return
            }
            #expect(refusal.code == -32_601)
            await client.close()
        }
    }

    @Test func aStreamThatNobodyAcknowledgesIsOpenedAgain() async throws {
        let opened = Atomic<Int>(0)
        try await RawMCPServer.with { _, message, exchange in
            if Self.answersDiscover(message, exchange) { return }
            opened.wrappingAdd(1, ordering: .relaxed)
            let id = message["id"] ?? nil
            Self.stream(exchange, #"{"jsonrpc":"2.0","id":\#(id),"result":{}}"#).finish()
        } _: { url, http in
            let client = try await ModernClient.connect(url, http)
            let heard = Mutex<[String]>([])
            let listener = try client.listen(to: MCPSubscriptionFilter()) { event in
                heard.withLock { $0.append(Self.heard(event)) }
            }
            try await eventually { opened.load(ordering: .relaxed) > 1 }
            #expect(heard.withLock { $0 } == [])
            listener.close()
            await client.close()
        }
    }

    /// Of what is told again and again one waits; of much that differs more than may wait, and the stream begins anew.
    @Test func aSlowListenerIsToldThatItMissedSomethingOnceMoreWaitsThanMay() async throws {
        let opened = Atomic<Int>(0)
        let streams = Mutex<[HTTPResponseStream]>([])
        try await RawMCPServer.with { _, message, exchange in
            if Self.answersDiscover(message, exchange) { return }
            let isFirst = opened.wrappingAdd(1, ordering: .relaxed).oldValue == 0
            let stream = Self.stream(exchange, Self.acknowledgement)
            streams.withLock { $0.append(stream) }
            let updated = { (uri: Int) in
                let text = #"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:\#(uri)"}}"#
                try? stream.writeNow(ByteBuffer(string: "data: \(text)\n\n"))
            }
            for _ in 0..<2_000 where isFirst { updated(0) }
            for uri in 0..<1_100 where isFirst { updated(uri) }
        } _: { url, http in
            let client = try await ModernClient.connect(url, http)
            let heard = Mutex<[String]>([])
            let listener = try client.listen(to: MCPSubscriptionFilter()) { event in
                heard.withLock { $0.append(Self.heard(event)) }
                guard case .notification = event else { return }
                while opened.load(ordering: .relaxed) < 2 {
                    do { try await Task.sleep(for: .milliseconds(5)) } catch { return }
                }
            }
            try await eventually { heard.withLock { $0.last } == "acknowledged false" }
            let told = heard.withLock { $0.filter { $0 == MCPMethod.resourceUpdated }.count }
            #expect((1_024...1_025).contains(told))
            listener.close()
            await client.close()
        }
    }
}
