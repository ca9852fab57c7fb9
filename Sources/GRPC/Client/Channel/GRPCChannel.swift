// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
package import Sockets
import Synchronization

/// A client's way to one server, or to the servers behind one name: calls from any task, over as many connections as there are
/// addresses, times `connections`.
///
/// Calls go to the connections in turn and wait, in order, when all are full. A lost connection is made again; while none can be
/// made, and while the breaker is open, calls end at once with UNAVAILABLE and say since when and why. A call that a server has
/// surely not begun is sent once more; no other call is ever sent twice.
package final class GRPCChannel: Sendable {
    /// Asks the server behind a new connection what it can do, before calls are sent on it.
    ///
    /// Returns a set of bits, which `status.features` gives as far as all connections have them; nil gives the connection up.
    package typealias Exchange = @Sendable (GRPCConnectionCaller) async -> UInt64?

    /// Where the channel leads.
    package let target: GRPCTarget

    /// The limits and times.
    package let configuration: GRPCChannelConfiguration

    private let shared: ChannelShared
    private let dispatcher: CallDispatcher
    private let control: ChannelControl
    private let isShutDown = Atomic<Bool>(false)

    /// Makes a channel; it connects when it is first used, or told to.
    ///
    /// - Parameters:
    ///   - eventLoopGroup: where connections live, each on one of its event loops.
    ///   - budget: of bytes in buffered messages, shared by all of the process.
    package init(
        target: GRPCTarget,
        configuration: GRPCChannelConfiguration = GRPCChannelConfiguration(),
        security: GRPCChannelSecurity = .plaintext,
        eventLoopGroup: any EventLoopGroup,
        budget: ByteBudget,
        logger: Logger,
        resolver: AddressResolver = .system,
        exchange: Exchange? = nil,
        carrier: GRPCCarrier? = nil
    ) {
        self.target = target
        self.configuration = configuration
        shared = ChannelShared(
            target: target, security: security, configuration: configuration,
            messageLimit: ByteLimit(
                bytes: configuration.maxMessageSize, key: GRPCChannelConfiguration.key("max_message_size"),
                side: .client),
            budget: budget, logger: logger, exchange: exchange, carrier: carrier)
        let home = eventLoopGroup.next()
        let owner = WeakControl()
        dispatcher = CallDispatcher(target: target, configuration: configuration, home: home) { need in
            home.execute { owner.control?.fulfil(need) }
        }
        control = ChannelControl(
            shared: shared, dispatcher: dispatcher, group: eventLoopGroup, home: home, resolver: resolver)
        owner.control = control
    }

    deinit {
        // The event loops may be gone when it was shut down before.
        guard !isShutDown.load(ordering: .relaxed) else { return }
        control.home.execute { [control] in _ = control.shutDown(deadline: .now()) }
    }

    /// How the channel is now.
    package var status: GRPCChannelStatus { dispatcher.status }

    /// What all connections there are can do, as their exchanges said; 0 while there is none.
    package var features: UInt64 { dispatcher.features }

    /// How the channel is, now and whenever that changes; ends when the channel is shut down.
    package func statusUpdates() -> AsyncStream<GRPCChannelStatus> { dispatcher.statusUpdates() }

    /// How many calls are open on connections, and how many wait for room.
    package var callCounts: (open: Int, waiting: Int) { dispatcher.counts }

    /// Connects now rather than with the first call.
    package func connect() {
        control.home.execute { self.control.start() }
    }

    /// The longest message that is sent, in bytes.
    package var longestRequest: Int { configuration.maxRequestSize }

    /// Makes a unary call.
    ///
    /// Cancelling the task that calls resets the call's stream, and ends the call with CANCELLED.
    ///
    /// - Parameters:
    ///   - path: of the method, `/package.Service/Method`.
    ///   - message: the request; one made with `GRPCMessage.buffer` is sent without being copied.
    ///   - timeout: how long to wait for the answer; the server is told, too. Nil for `callTimeout`.
    ///   - metadata: further headers, with lower-case names.
    /// - Returns: the answer, decompressed.
    /// - Throws: the status that the server ended the call with, or that says what went wrong here.
    package func unary(
        _ path: String,
        _ message: consuming ByteBuffer,
        timeout: Duration? = nil,
        metadata: [(name: String, value: String)] = []
    ) async throws(GRPCStatus) -> ByteBuffer {
        let size = message.readableBytes
        guard size <= longestRequest else {
            throw GRPCStatus(
                .resourceExhausted,
                "a request of \(size) bytes is over the limit of \(configuration.maxRequestSize) bytes; "
                    + "send less, or raise \(GRPCChannelConfiguration.key("max_request_size"))")
        }
        let request = GRPCMessage.framed(message)
        guard shared.budget.reserve(request.readableBytes) else {
            throw GRPCStatus(
                .resourceExhausted,
                "this process holds as many bytes of messages as it may (\(shared.budget.limit)); "
                    + "try again later, or raise gatehouse.memory_budget")
        }
        let call = ClientCall(
            path: path, metadata: metadata, deadline: .now() + TimeAmount(timeout ?? configuration.callTimeout),
            request: request, isCounted: true, budget: shared.budget)
        dispatcher.dispatch(call)
        let outcome = await withTaskCancellationHandler {
            await call.outcome()
        } onCancel: {
            dispatcher.cancel(call)
        }
        return try outcome.get()
    }

    /// Asks the server whether it serves what it calls `service`, or, when it does not know that name or has no names, anything.
    ///
    /// False also when it does not answer in time. By the standard health service, else by those that the configuration names.
    package func isServing(_ service: String, timeout: Duration) async -> Bool {
        let probe = HealthProbe(fallbacks: configuration.breaker.healthFallbacks) {
            (path, message) async throws(GRPCStatus) in
            try await self.unary(path, message, timeout: timeout)
        }
        return await probe.isServing(service)
    }

    /// Takes no more calls, lets those that are open end for at most `grace`, and closes the connections.
    package func shutDown(grace: Duration = .seconds(10)) async {
        let deadline = NIODeadline.now() + TimeAmount(grace)
        let control = control
        isShutDown.store(true, ordering: .relaxed)
        try? await control.home.flatSubmit { control.shutDown(deadline: deadline) }.get()
    }
}

/// The control of a channel, for the dispatcher that it holds itself.
private final class WeakControl: Sendable {
    private struct Reference {
        weak var control: ChannelControl?
    }

    private let reference = Mutex(Reference())

    var control: ChannelControl? {
        get { reference.withLock { $0.control } }
        set { reference.withLock { [newValue] in $0.control = newValue } }
    }
}
