// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import Sockets

/// The calls that one stream of a connection carries.
///
/// `@unchecked Sendable`: every variable is read and written on the connection's event loop only.
final class ServerCarrier: @unchecked Sendable {
    /// A method whose calls are carried.
    struct Method: Sendable {
        let kind: UInt8
        let path: String
        let handler: GRPCMethod.UnaryHandler
    }

    private let connection: ServerConnection
    private let stream: CallStream
    private let methods: [Method]
    private(set) var calls: [UInt32: CarriedCall] = [:]
    /// The highest number of a call that was begun.
    private var lastCall: UInt32 = 0
    /// It takes no more calls, and ends with the last.
    private var isEnding = false

    private var outgoing = ByteBuffer()
    /// Bytes that HTTP/2 has not written to the socket.
    private var unwritten = 0
    /// Since when there are any, or since some were last written.
    private(set) var unwrittenSince: NIODeadline?

    /// What is longer is not copied behind what goes before it.
    private static let longestCopied = 32 << 10
    /// What is written is handed over when there is so much of it, however many answers may follow.
    private static let longestBurst = 256 << 10

    init(connection: ServerConnection, stream: CallStream, methods: [Method]) {
        self.connection = connection
        self.stream = stream
        self.methods = methods
    }

    private var server: ServerState { connection.server }

    // MARK: Arriving

    /// Takes a message.
    ///
    /// - Parameters:
    ///   - reserved: How many bytes are taken from the budget for it.
    ///   - hasRoom: Whether they are all there are.
    func receive(_ message: ByteBuffer, reserved: Int, hasRoom: Bool) {
        guard var frame = TaggedFrame(decoding: message) else {
            server.budget.release(reserved)
            connection.fail(stream, Self.malformed("is shorter than its head"))
            return
        }
        if frame.kind == .cancel {
            server.budget.release(reserved)
            cancel(frame.call)
            return
        }
        guard frame.call > lastCall else {
            server.budget.release(reserved)
            connection.fail(
                stream, Self.malformed("has a call's number (\(frame.call)) that is not above the last one"))
            return
        }
        // Its client has been told, or is about to be, that the call is not begun.
        guard !isEnding else {
            server.budget.release(reserved)
            return
        }
        lastCall = frame.call
        let call = CarriedCall(number: frame.call, reserved: reserved)
        guard let method = methods.first(where: { $0.kind == frame.kind.rawValue }) else {
            refuse(
                call,
                GRPCStatus(
                    .unimplemented, "this server knows no frames of kind \(frame.kind.rawValue); call by gRPC's way"))
            return
        }
        guard let milliseconds = frame.body.readInteger(as: UInt32.self) else {
            refuse(call, Self.malformed("lacks the time that is left"))
            return
        }
        guard hasRoom else {
            refuse(call, connection.overBudget)
            return
        }
        let limit = server.configuration.maxConcurrentStreams
        guard calls.count + connection.streams.count - 1 < limit, connection.running < 4 * limit else {
            refuse(call, connection.tooManyCalls("on this connection", "max_concurrent_streams"))
            return
        }
        guard server.beginCall(streaming: false) else {
            refuse(call, connection.tooManyCalls("in this process", "max_calls_in_flight"))
            return
        }
        begin(call, method, frame.body, milliseconds == 0 ? nil : .milliseconds(Int64(milliseconds)))
    }

    private static func malformed(_ what: String) -> GRPCStatus {
        GRPCStatus(.internal, "a frame \(what); frame it as a client of this version does, or call by gRPC's way")
    }

    private func refuse(_ call: CarriedCall, _ status: GRPCStatus) {
        server.budget.release(call.reserved)
        write(status, to: call.number)
    }

    private func cancel(_ number: UInt32) {
        guard let call = calls.removeValue(forKey: number) else { return }
        call.abandon()
        if !connection.guardian.callReset(requestWasWhole: true, now: .now()) {
            connection.abused("it cancels too many calls (\(GRPCServerConfiguration.key("max_rapid_resets")))")
        }
        endIfIdle()
    }

    // MARK: Running

    private func begin(_ call: CarriedCall, _ method: Method, _ message: ByteBuffer, _ left: Duration?) {
        let request = GRPCCall(
            path: method.path, message: message, deadline: left.map { .now + $0 }, metadata: stream.headers,
            peer: connection.peer)
        let handler = method.handler
        connection.running += 1
        call.isRunning = true
        calls[call.number] = call
        let operation = { @Sendable () async -> Void in
            do {
                self.finish(call, .success(try await handler(request)))
            } catch {
                self.finish(call, .failure(error))
            }
        }
        let isSmall = message.readableBytes <= server.configuration.inlineLimit
        let task: Task<Void, Never> = isSmall ? Task.immediate { await operation() } : Task { await operation() }
        guard call.isRunning else { return }
        call.task = task
        if call.isOver {
            task.cancel()
        } else if let left {
            call.deadlineTimer = connection.eventLoop.scheduleTask(in: TimeAmount(left)) { self.expire(call) }
        }
    }

    private func expire(_ call: CarriedCall) {
        guard !call.isOver else { return }
        calls[call.number] = nil
        call.abandon()
        write(ServerConnection.deadlineExceeded, to: call.number)
        endIfIdle()
    }

    private func finish(_ call: CarriedCall, _ result: Result<ByteBuffer, any Error>) {
        if connection.eventLoop.inEventLoop {
            finished(call, result)
        } else {
            connection.eventLoop.execute { self.finished(call, result) }
        }
    }

    private func finished(_ call: CarriedCall, _ result: Result<ByteBuffer, any Error>) {
        connection.running -= 1
        server.endCall(streaming: false)
        server.budget.release(call.reserved)
        call.isRunning = false
        call.task = nil
        call.deadlineTimer?.cancel()
        guard !call.isOver else {
            connection.endIfDrained()
            return
        }
        call.isOver = true
        calls[call.number] = nil
        connection.guardian.callCompleted()
        switch result {
        case .success(let message): write(.answer, message, to: call.number)
        case .failure(let error): write(connection.status(of: error, stream.head.method.path), to: call.number)
        }
        endIfIdle()
    }

    // MARK: Leaving

    private func write(_ kind: TaggedFrame.Kind, _ body: ByteBuffer, to call: UInt32) {
        outgoing.writeFrameHead(kind, call: call, bodyLength: body.readableBytes)
        if body.readableBytes <= Self.longestCopied {
            outgoing.writeImmutableBuffer(body)
            if outgoing.readableBytes > Self.longestBurst { handOver() }
        } else {
            handOver()
            send(body)
        }
        if !connection.isReading { connection.scheduleFlush() }
    }

    private func write(_ status: GRPCStatus, to call: UInt32) {
        var body = ByteBuffer()
        body.writeInteger(status.code.rawValue)
        body.writeString(status.message)
        write(.status, body, to: call)
    }

    /// Gives HTTP/2 what was written since the last flush.
    func handOver() {
        guard outgoing.readableBytes > 0 else { return }
        let expected = min(outgoing.readableBytes, Self.longestCopied)
        var bytes = ByteBuffer()
        swap(&bytes, &outgoing)
        outgoing.reserveCapacity(expected)
        send(bytes)
    }

    private func send(_ bytes: ByteBuffer) {
        guard !stream.isClosed, stream.answered == nil, let codec = connection.codec else { return }
        let count = bytes.readableBytes
        guard server.budget.reserve(count) else {
            let why = "their answers wait to be read, and there is no room for more (gatehouse.memory_budget)"
            connection.logger.warning(
                "ended a client's carried calls: \(why)", metadata: ["peer": "\(connection.peer)"])
            codec.sendReset(.enhanceYourCalm, on: stream.id)
            return
        }
        if !stream.headersSent {
            stream.headersSent = true
            codec.sendHeaders(ResponseHeaders.initial, on: stream.id, endStream: false, promise: nil)
        }
        if unwritten == 0 {
            unwrittenSince = .now()
            connection.armTimer(.now() + TimeAmount(server.configuration.answerTimeout))
        }
        unwritten += count
        let promise = connection.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in
            self.unwritten -= count
            self.server.budget.release(count)
            self.unwrittenSince = self.unwritten == 0 ? nil : .now()
        }
        codec.sendData(bytes, on: stream.id, endStream: false, promise: promise)
    }

    // MARK: The end

    /// Takes no more calls: tells the client which were begun, and ends with the last of them.
    func goAway() {
        guard !isEnding else { return }
        isEnding = true
        write(.goAway, ByteBuffer(), to: lastCall)
        endIfIdle()
    }

    /// After the last call of a carrier that takes no more.
    func endIfIdle() {
        guard calls.isEmpty else { return }
        // The time that it may be idle begins.
        connection.lastActivity = .now()
        guard isEnding || stream.requestEnded, !stream.isClosed, stream.answered == nil else { return }
        handOver()
        connection.sendStatus(GRPCStatus(.ok, ""), on: stream)
    }

    /// Its stream is no more, or is about to be: nobody waits for its calls.
    func abandon() {
        let orphans = calls.values
        calls = [:]
        for call in orphans { call.abandon() }
    }
}
