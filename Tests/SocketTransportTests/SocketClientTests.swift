// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import PluginFramework
import PluginWire
import SocketTransport
import Sockets
import Synchronization
import Testing
import Values

/// What tasks of one test count together.
private final class Counter: Sendable {
    let value = Atomic(0)
    let stop = Atomic(false)
    let failures = Mutex<[String]>([])
}

/// The client's pool against servers that behave, that go away, and that do not behave.
@Suite struct SocketClientTests {
    private static func channel(
        _ path: String, budget: ByteBudget = ByteBudget(),
        adjusting adjust: (inout SocketChannelConfiguration) -> Void = { _ in }
    ) -> SocketChannel {
        var configuration = SocketChannelConfiguration()
        configuration.connectTimeout = .seconds(60)
        adjust(&configuration)
        return SocketChannel(
            path: path, configuration: configuration, eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: budget, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static func call(
        _ channel: SocketChannel, _ tool: String, _ args: ValueObject = [:], timeout: Duration = .seconds(60)
    ) async throws -> Value {
        let request = ByteBuffer(bytes: try TestSocketServer.request(tool, args))
        let answer = try await channel.call(.invokeHook, request, timeout: timeout)
        return try TestSocketServer.says(Array(answer.readableBytesView))
    }

    private static func failure(_ body: () async throws -> Value) async throws -> SocketCallFailure {
        do {
            let value = try await body()
            throw NeverHappened(what: "a failure, but \(value)")
        } catch let failure as SocketCallFailure {
            return failure
        }
    }

    @Test func oneConnectionOfEachLoopCarriesAllCallsToAServerOfOurs() async throws {
        try await TestSocketServer.with { server in
            let channel = Self.channel(server.path)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in Int64(0)..<100 {
                    tasks.addTask {
                        let args: ValueObject = ["n": .int(number), "ms": 50]
                        let answer = try await Self.call(channel, "sleep", args)
                        #expect(answer["n"] == .int(number))
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(channel.features == .overSocket)
            #expect(server.server.connectionCount <= System.coreCount)
            await channel.shutDown()
        }
    }

    @Test func toAnotherServerThereAreAsManyConnectionsAsCallsUpToTheLimit() async throws {
        try await TestSocketServer.with(features: []) { server in
            let channel = Self.channel(server.path) { $0.maximumConnections = 3 }
            let most = Counter()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<12 {
                    tasks.addTask {
                        let args: ValueObject = ["n": .int(Int64(number)), "ms": 30]
                        let answer = try await Self.call(channel, "sleep", args)
                        #expect(answer["n"] == .int(Int64(number)))
                        most.value.max(server.server.connectionCount, ordering: .relaxed)
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(channel.features == [])
            #expect((2...3).contains(most.value.load(ordering: .relaxed)))
            await channel.shutDown()
            try await eventually("all are closed") { server.server.connectionCount == 0 }
        }
    }

    @Test func aCallThatTakesTooLongTakesItsConnectionWithIt() async throws {
        try await TestSocketServer.with(features: []) { server in
            let channel = Self.channel(server.path) { $0.maximumConnections = 1 }
            _ = try await Self.call(channel, "echo")
            let failure = try await Self.failure {
                try await Self.call(channel, "sleep", ["ms": 200, "n": 1], timeout: .milliseconds(50))
            }
            #expect(failure.kind == .timeout)
            // The late answer of the first is not there for the second.
            for number in 2...4 {
                #expect(
                    try await Self.call(channel, "sleep", ["ms": 100, "n": .int(Int64(number))])["n"]
                        == .int(Int64(number)))
            }
            await channel.shutDown()
        }
    }

    @Test func aServerThatDoesNotKnowTheHelloGetsOneCallAtATime() async throws {
        let server = ScriptedServer { peer, _ in
            while let frame = peer.frame() {
                var answer = ByteBuffer()
                let bytes = ByteBuffer(bytes: frame)
                let response: InvokeHookResponse =
                    if case .invokeHook(let request) = SocketRequest(bytes) {
                        InvokeHookResponse(
                            pluginName: request.pluginName,
                            outcome: .result(PluginResult(modifiedPayload: request.payload)))
                    } else {
                        InvokeHookResponse(
                            pluginName: "",
                            outcome: .error(PluginError("what?", pluginName: "", code: "UNKNOWN_MESSAGE")))
                    }
                response.encodeReportingFaults(into: &answer)
                peer.send(frame: Array(answer.readableBytesView))
            }
        }
        defer { server.stop() }
        let channel = Self.channel(server.path)
        // One after the other, as fast as they come: each finds the connection of the one before free.
        for number in Int64(0)..<200 {
            #expect(try await Self.call(channel, "echo", ["n": .int(number)]) == ["n": .int(number)])
        }
        #expect(server.connections == 1)
        await channel.shutDown()
    }

    @Test func withoutAServerCallsEndAfterTheAttemptsAndThenAtOnce() async throws {
        let path = TestSocketServer.temporaryPath()
        let channel = Self.channel(path) {
            $0.reconnectAttempts = 2
            $0.reconnectDelay = .milliseconds(10)
            $0.maximumReconnectDelay = .milliseconds(20)
        }
        let first = try await Self.failure { try await Self.call(channel, "echo") }
        #expect(first.kind == .unavailable)
        #expect(first.message.contains("3 attempts") && first.message.contains("there is no such socket"))
        let second = try await Self.failure { try await Self.call(channel, "echo") }
        #expect(second.message.contains("cannot be reached since"))
        // It is tried on in the background.
        try await TestSocketServer.with(path: path) { _ in
            try await eventually("it is connected") { channel.status.connectivity == .ready }
            #expect(try await Self.call(channel, "echo", ["n": 1]) == ["n": 1])
        }
        await channel.shutDown()
    }

    @Test(arguments: [WireFeatures.overSocket, []])
    func aRestartedServerIsConnectedToAnew(features: WireFeatures) async throws {
        let path = TestSocketServer.temporaryPath()
        let channel = Self.channel(path) { $0.maximumReconnectDelay = .milliseconds(50) }
        var generation: UInt64 = 0
        for number in 0..<3 {
            try await TestSocketServer.with(features: features, path: path) { _ in
                try await eventually("it is connected") {
                    channel.connect()
                    return channel.status.connectivity == .ready && channel.status.generation > generation
                }
                generation = channel.status.generation
                #expect(try await Self.call(channel, "echo", ["n": .int(Int64(number))]) == ["n": .int(Int64(number))])
            }
            try await eventually("its loss is noticed") { channel.status.connectivity != .ready }
        }
        await channel.shutDown()
    }

    @Test func callsGoOnWhileAServerDrainsAndAnotherTakesItsPlace() async throws {
        let path = TestSocketServer.temporaryPath()
        let channel = Self.channel(path) { $0.reconnectAttempts = 1_000 }
        let counter = Counter()
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<8 {
                tasks.addTask {
                    while !counter.stop.load(ordering: .relaxed) {
                        do {
                            _ = try await Self.call(channel, "sleep", ["ms": 5])
                            counter.value.add(1, ordering: .relaxed)
                        } catch {
                            counter.failures.withLock { $0.append("\(error)") }
                        }
                    }
                }
            }
            for _ in 0..<3 {
                let before = counter.value.load(ordering: .relaxed)
                try? await TestSocketServer.with(path: path) { server in
                    try await eventually("calls are made") { counter.value.load(ordering: .relaxed) > before + 50 }
                    await server.drain()
                    try await eventually("it has drained") { server.server.connectionCount == 0 }
                }
            }
            counter.stop.store(true, ordering: .relaxed)
            await channel.shutDown()
        }
        // Only what the end of the client cut off.
        #expect(counter.failures.withLock { $0.filter { !$0.contains("shut down") } } == [])
    }

    @Test func aServerThatSaysNothingIsGivenUp() async throws {
        let server = ScriptedServer { peer, _ in while peer.frame() != nil {} }
        defer { server.stop() }
        let channel = Self.channel(server.path) {
            $0.connectTimeout = .milliseconds(100)
            $0.reconnectAttempts = 0
        }
        let failure = try await Self.failure { try await Self.call(channel, "echo") }
        #expect(failure.kind == .unavailable && failure.message.contains("did not answer within"))
        await channel.shutDown()
    }

    @Test func aServerThatIsNoneIsAnError() async throws {
        let server = ScriptedServer { peer, _ in
            _ = peer.frame()
            peer.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        }
        defer { server.stop() }
        let channel = Self.channel(server.path) { $0.reconnectAttempts = 0 }
        let failure = try await Self.failure { try await Self.call(channel, "echo") }
        #expect(failure.kind == .unavailable && failure.message.contains("check that a plugin server listens there"))
        await channel.shutDown()
    }

    @Test func anAnswerThatIsTooLongIsAnErrorOfItsCallAlone() async throws {
        try await TestSocketServer.with { server in
            let channel = Self.channel(server.path) { $0.maximumMessageSize = 10_000 }
            let waiting = Task { try await Self.call(channel, "sleep", ["ms": 300, "n": 1]) }
            let failure = try await Self.failure { try await Self.call(channel, "large", ["bytes": 50_000]) }
            #expect(failure.kind == .tooLong && failure.message.contains("unix_socket_client.max_message_size"))
            #expect(try await waiting.value["n"] == 1)
            await channel.shutDown()
        }
    }

    @Test func bytesBeyondTheBudgetFailTheirCallAlone() async throws {
        try await TestSocketServer.with { server in
            let budget = ByteBudget(limit: 200_000)
            let channel = Self.channel(server.path, budget: budget)
            let failure = try await Self.failure { try await Self.call(channel, "large", ["bytes": 1_000_000]) }
            #expect(failure.kind == .unavailable && failure.message.contains("gatehouse.memory_budget"))
            #expect(try await Self.call(channel, "echo", ["n": 1]) == ["n": 1])
            let long: ValueObject = ["text": .string(String(repeating: "x", count: 300_000))]
            #expect(try await Self.failure { try await Self.call(channel, "echo", long) }.kind == .unavailable)
            await channel.shutDown()
            try await eventually("all is given back") { budget.reserved == 0 }
        }
    }

    @Test func callsBeyondTheRoomOfAConnectionWaitForIt() async throws {
        try await TestSocketServer.with(adjusting: { $0.maximumCallsPerConnection = 2 }) { server in
            let channel = Self.channel(server.path) {
                $0.connections = 1
                $0.maximumCallsPerConnection = 2
            }
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<10 {
                    tasks.addTask {
                        let args: ValueObject = ["n": .int(Int64(number)), "ms": 10]
                        let answer = try await Self.call(channel, "sleep", args)
                        #expect(answer["n"] == .int(Int64(number)))
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(server.server.connectionCount == 1)
            await channel.shutDown()
        }
    }

    @Test func moreCallsThanMayWaitEndAtOnce() async throws {
        let server = ScriptedServer { peer, _ in while peer.frame() != nil {} }
        defer { server.stop() }
        let channel = Self.channel(server.path) { $0.maximumWaitingCalls = 1 }
        let waiting = Task { try await Self.call(channel, "echo", timeout: .seconds(60)) }
        try await eventually("it waits") { server.connections == 1 }
        let failure = try await Self.failure { try await Self.call(channel, "echo") }
        #expect(failure.kind == .unavailable && failure.message.contains("max_waiting_calls"))
        waiting.cancel()
        #expect(try await Self.failure { try await waiting.value }.kind == .cancelled)
        // Its place is free again.
        let late = try await Self.failure { try await Self.call(channel, "echo", timeout: .milliseconds(20)) }
        #expect(late.kind == .timeout)
        await channel.shutDown()
    }
}
