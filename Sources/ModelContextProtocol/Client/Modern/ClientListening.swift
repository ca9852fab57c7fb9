// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOCore
internal import Synchronization
internal import Values

/// Keeps one stream of notifications open.
final class ClientListening: Sendable {
    /// The most notifications, each told once, that wait for a slow receiver; more end the stream, and it is told that it has missed some.
    private static let maxWaiting = 1_024
    private static let longestPause = Duration.seconds(60)
    /// How long a stream has to last for the next pause to be the shortest again.
    private static let soundAge = Duration.seconds(10)

    private struct State {
        /// What has been told and not yet been taken; the same thing twice is told once.
        var waiting: Set<ByteKey> = []
        /// Whether the present stream has been acknowledged, and whether any has.
        var isAcknowledged = false
        var wasAcknowledged = false
        var isOverrun = false
    }

    private let core: ClientCore
    private let filter: MCPSubscriptionFilter
    private let onEvent: @Sendable (MCPListenEvent) async -> Void
    private let events: SerialTasks
    private let state = Mutex(State())

    init(
        _ core: ClientCore, _ filter: MCPSubscriptionFilter,
        _ onEvent: @escaping @Sendable (MCPListenEvent) async -> Void
    ) {
        self.core = core
        self.filter = filter
        self.onEvent = onEvent
        events = SerialTasks(owner: core.tasks, executor: core.executor, limit: .max)
    }

    /// Opens the stream again and again, until the task is cancelled, the session is over, or the server refuses.
    func run() async {
        var pause = Duration.seconds(1)
        var last: MCPClientError?
        while !Task.isCancelled, core.endReason == nil {
            let began = ContinuousClock.now
            do throws(MCPClientError) {
                try await listen()
                last = nil
            } catch {
                last = error
                if case .rpc(let refusal) = error, Self.isFinal(refusal) { break }
            }
            guard !Task.isCancelled, core.endReason == nil else { break }
            if ContinuousClock.now - began > Self.soundAge { pause = .seconds(1) }
            core.logger.debug(
                "a stream of notifications of an MCP server has ended; opening it again",
                metadata: ["reason": "\(last.map { "\($0)" } ?? "the server has ended it")", "in": "\(pause)"])
            do { try await Task.sleep(for: pause) } catch { break }
            pause = min(pause * 2, Self.longestPause)
        }
        let reason = Task.isCancelled || last == .cancelled ? Optional<MCPClientError>.none : last
        let isTaken = events.add { [onEvent] in await onEvent(.ended(reason)) }
        // The session is over, so that no task begins any more; this one still runs, and nothing waits before it.
        if !isTaken { await onEvent(.ended(reason)) }
    }

    /// Whether asking again would be answered in the same way.
    private static func isFinal(_ error: JSONRPCError) -> Bool {
        switch error.code {
        case JSONRPCError.methodNotFoundCode, JSONRPCError.invalidParamsCode, JSONRPCError.invalidRequestCode,
            JSONRPCError.headerMismatchCode, JSONRPCError.missingCapabilityCode,
            JSONRPCError.unsupportedProtocolVersionCode:
            true
        default: false
        }
    }

    /// Opens the stream, and returns when the server ends it.
    private func listen() async throws(MCPClientError) {
        state.withLock { state in
            state.isOverrun = false
            state.isAcknowledged = false
        }
        var options = MCPRequestOptions(timeout: core.limits.connectTimeout)
        options.opensStream = true
        let slot = TaskSlot()
        options.onNotification = { [weak self] method, params in self?.take(method, params, slot) }
        let params = Document(object: ["notifications": filter.value])
        let outcome = Outcome<Result<Void, MCPClientError>>()
        // In a task of its own, so that the stream can be ended without ending the one that opens it again.
        let started = core.tasks.start(on: core.executor, slot) { [core, options] in
            do throws(MCPClientError) {
                _ = try await core.send(MCPMethod.listen, params, options)
                outcome.give(.success(()))
            } catch {
                outcome.give(.failure(error))
            }
        }
        guard started else { throw .transport("the MCP session is over") }
        let result = await withTaskCancellationHandler {
            await outcome.wait()
        } onCancel: {
            slot.cancel()
        }
        let (isAcknowledged, isOverrun) = state.withLock { ($0.isAcknowledged, $0.isOverrun) }
        if isOverrun { throw .transport("more has changed than could be taken in") }
        try result.get()
        guard isAcknowledged else { throw .transport("the server has ended the stream without a word") }
    }

    /// Takes a message of the stream; called on the thread that reads it.
    private func take(_ method: String, _ params: Document?, _ slot: TaskSlot) {
        if method.hasSameBytes(as: MCPMethod.acknowledged) {
            guard let granted = try? MCPSubscriptionFilter(params?["notifications"]) else { return }
            let isFirst = state.withLock { state -> Bool? in
                guard !state.isAcknowledged else { return nil }
                state.isAcknowledged = true
                defer { state.wasAcknowledged = true }
                return !state.wasAcknowledged
            }
            guard let isFirst else { return }
            events.add { [onEvent] in await onEvent(.acknowledged(granted, isFirst: isFirst)) }
            return
        }
        let key = ByteKey("\(method) \(params?["uri"]?.stringValue ?? "")")
        let (isNew, isTooMuch) = state.withLock { state -> (Bool, Bool) in
            guard !state.waiting.contains(key) else { return (false, false) }
            guard state.waiting.count < Self.maxWaiting else {
                state.isOverrun = true
                return (false, true)
            }
            state.waiting.insert(key)
            return (true, false)
        }
        if isTooMuch { return slot.cancel() }
        guard isNew else { return }
        events.add { [self] in
            state.withLock { _ = $0.waiting.remove(key) }
            await onEvent(.notification(method, params))
        }
    }
}
