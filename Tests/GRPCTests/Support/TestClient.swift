// SPDX-License-Identifier: Apache-2.0

import GRPC
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization

/// A gRPC client of single HTTP/2 frames, so that tests decide what is sent and when.
final class TestClient: Sendable {
    /// All that came back on a stream.
    struct Response: Sendable {
        var headers: HPACKHeaders?
        var trailers: HPACKHeaders?
        var data = ByteBuffer()
        var reset: HTTP2ErrorCode?
        var isOver = false

        /// The header block that ends the call.
        var final: HPACKHeaders? { trailers ?? headers }
        var httpStatus: String? { headers?.first(name: ":status") }
        var grpcStatus: String? { final?.first(name: "grpc-status") }
        var grpcMessage: String? { final?.first(name: "grpc-message") }

        /// The messages in `data`.
        var messages: [[UInt8]] {
            var data = data
            var messages: [[UInt8]] = []
            while data.readableBytes >= 5, let flag = data.readInteger(as: UInt8.self),
                let length = data.readInteger(as: UInt32.self), let bytes = data.readBytes(length: Int(length))
            {
                precondition(flag == 0)
                messages.append(bytes)
            }
            return messages
        }
    }

    struct State {
        var responses: [Int: Response] = [:]
        var waiters: [(isMet: @Sendable (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
        var nextStream = 1
        var goAway: (lastStream: Int, code: HTTP2ErrorCode)?
        var isClosed = false
        var pings = 0
        var pingAcks = 0
        var settings: HTTP2Settings?
        var manualWindows = false
        var firstWindowUpdates: [Int] = []
    }

    let channel: any Channel
    private let recorder: Recorder

    private init(channel: any Channel, recorder: Recorder) {
        self.channel = channel
        self.recorder = recorder
    }

    /// Connects, runs `body`, closes.
    static func with<R: Sendable>(
        port: Int = 0,
        path: String? = nil,
        settings: HTTP2Settings = [],
        manualWindows: Bool = false,
        _ body: (TestClient) async throws -> R
    ) async throws -> R {
        let recorder = Recorder()
        recorder.state.withLock { $0.manualWindows = manualWindows }
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var connection = NIOHTTP2Handler.ConnectionConfiguration()
                    connection.initialSettings = settings
                    connection.maximumSequentialEmptyDataFrames = 100
                    var stream = NIOHTTP2Handler.StreamConfiguration()
                    stream.streamResetFrameRateLimit.maximumCount = 100_000
                    stream.streamErrorRateLimit.maximumCount = 100_000
                    connection.maximumConnectionGlitches = .max
                    connection.controlFrameRateLimit.maximumCount = 100_000
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOHTTP2Handler(
                            mode: .client, connectionConfiguration: connection, streamConfiguration: stream),
                        Collector(recorder: recorder),
                    ])
                }
            }
        let channel: any Channel
        if let path {
            channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
        } else {
            channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        }
        let client = TestClient(channel: channel, recorder: recorder)
        do {
            let result = try await body(client)
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    // MARK: Calls

    /// The headers of an ordinary request.
    static func headers(_ path: String, _ more: [(String, String)] = []) -> HPACKHeaders {
        HPACKHeaders(
            [
                (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
                ("te", "trailers"), ("content-type", "application/grpc"),
            ] + more
        )
    }

    /// A message with its prefix.
    static func framed(_ message: some Collection<UInt8>, flag: UInt8 = 0) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(flag)
        buffer.writeInteger(UInt32(message.count))
        buffer.writeBytes(message)
        return buffer
    }

    /// A whole unary call.
    func call(
        _ path: String,
        _ message: [UInt8] = [],
        headers more: [(String, String)] = []
    ) async throws -> Response {
        let stream = start(path, message, headers: more)
        return try await response(stream)
    }

    /// Sends a whole unary request.
    @discardableResult
    func start(
        _ path: String,
        _ message: [UInt8] = [],
        headers more: [(String, String)] = [],
        flush: Bool = true
    ) -> Int {
        let stream = open(Self.headers(path, more), flush: false)
        send(.data(.init(data: .byteBuffer(Self.framed(message)), endStream: true)), on: stream, flush: flush)
        return stream
    }

    /// Sends a header block on a new stream.
    func open(_ headers: HPACKHeaders, endStream: Bool = false, flush: Bool = true) -> Int {
        let stream = recorder.state.withLock { state in
            defer { state.nextStream += 2 }
            state.responses[state.nextStream] = Response()
            return state.nextStream
        }
        send(.headers(.init(headers: headers, endStream: endStream)), on: stream, flush: flush)
        return stream
    }

    func send(_ data: ByteBuffer, on stream: Int, endStream: Bool = false, padding: Int? = nil) {
        send(.data(.init(data: .byteBuffer(data), endStream: endStream, paddingBytes: padding)), on: stream)
    }

    func reset(_ stream: Int, flush: Bool = true) {
        send(.rstStream(.cancel), on: stream, flush: flush)
    }

    func send(_ payload: HTTP2Frame.FramePayload, on stream: Int, flush: Bool = true) {
        let frame = HTTP2Frame(streamID: HTTP2StreamID(stream), payload: payload)
        if flush {
            channel.writeAndFlush(frame, promise: nil)
        } else {
            channel.write(frame, promise: nil)
        }
    }

    // MARK: Waiting

    /// Waits for the end of a stream, or of the connection.
    func response(_ stream: Int) async throws -> Response {
        try await wait("the end of stream \(stream)") { $0.responses[stream]?.isOver == true || $0.isClosed }
        return recorder.state.withLock { $0.responses[stream] ?? Response() }
    }

    func wait(_ what: String, _ isMet: @escaping @Sendable (State) -> Bool) async throws {
        let limit = channel.eventLoop.scheduleTask(in: .seconds(120)) { [recorder] in
            recorder.update { $0.isTimedOut = true }
        }
        defer { limit.cancel() }
        await recorder.wait { isMet($0) || $0.isTimedOut }
        if recorder.state.withLock({ $0.isTimedOut && !isMet($0) }) { throw TestFailure("never came: \(what)") }
    }

    var state: State { recorder.state.withLock { $0 } }
}

extension TestClient.State {
    var isTimedOut: Bool {
        get { nextStream < 0 }
        set { if newValue { nextStream = -1 } }
    }
}

/// What arrived, with those who wait for it.
private final class Recorder: Sendable {
    let state = Mutex(TestClient.State())

    func update(_ change: (inout TestClient.State) -> Void) {
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            change(&state)
            let snapshot = state
            var ready: [CheckedContinuation<Void, Never>] = []
            state.waiters.removeAll { waiter in
                guard waiter.isMet(snapshot) else { return false }
                ready.append(waiter.continuation)
                return true
            }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }

    func wait(_ isMet: @escaping @Sendable (TestClient.State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if isMet(state) { return true }
                state.waiters.append((isMet, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}

private final class Collector: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let recorder: Recorder

    init(recorder: Recorder) {
        self.recorder = recorder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let id = Int(frame.streamID)
        var consumed = 0
        recorder.update { state in
            switch frame.payload {
            case .headers(let payload):
                if state.responses[id]?.headers == nil {
                    state.responses[id]?.headers = payload.headers
                } else {
                    state.responses[id]?.trailers = payload.headers
                }
                if payload.endStream { state.responses[id]?.isOver = true }
            case .data(let payload):
                guard case .byteBuffer(let buffer) = payload.data else { return }
                state.responses[id]?.data.writeImmutableBuffer(buffer)
                consumed = state.manualWindows ? 0 : buffer.readableBytes
                if payload.endStream { state.responses[id]?.isOver = true }
            case .rstStream(let code):
                state.responses[id]?.reset = code
                state.responses[id]?.isOver = true
            case .goAway(let last, let code, _):
                state.goAway = (Int(last), code)
            case .ping(_, let ack):
                if ack { state.pingAcks += 1 } else { state.pings += 1 }
            case .settings(.settings(let settings)):
                state.settings = settings
            default:
                break
            }
        }
        if consumed > 0 {
            for stream in [0, id] {
                let update = HTTP2Frame.FramePayload.windowUpdate(windowSizeIncrement: consumed)
                context.write(
                    wrapOutboundOut(HTTP2Frame(streamID: HTTP2StreamID(stream), payload: update)), promise: nil)
            }
            context.flush()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        recorder.update { $0.isClosed = true }
    }

    // A window update may cross the end of its stream; a test sees what matters in the recorded state.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
