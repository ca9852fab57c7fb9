// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Logging
internal import NIOCore
internal import Synchronization
internal import Values

/// A client's way to a server that is its child process.
final class StdioClientLink: ClientLink, LineChannel.Receiver {
    private let core: ClientCore
    private let process: ChildProcess
    private let settings: MCPStdioClientSettings
    private let state = Mutex(State())

    private struct State {
        var lines: LineChannel?
        var standardError: (any Channel)?
    }

    private init(_ core: ClientCore, _ process: ChildProcess, _ settings: MCPStdioClientSettings) {
        self.core = core
        self.process = process
        self.settings = settings
    }

    /// Starts the server.
    static func start(
        _ settings: MCPStdioClientSettings, core: ClientCore
    ) async throws(MCPClientError) -> StdioClientLink {
        let (process, pipes) = try ChildProcess.start(settings, core: core)
        let link = StdioClientLink(core, process, settings)
        do {
            let lines = try await LineChannel.open(
                input: pipes.output, output: pipes.input, maxLine: core.limits.maxMessageBytes, on: core.eventLoop,
                receiver: link)
            link.state.withLock { $0.lines = lines }
            let standardError = try await StandardErrorReader.open(
                pipes.error, on: core.eventLoop, sink: settings.standardErrorLine)
            link.state.withLock { $0.standardError = standardError }
            core.pause.listen { [weak lines] in lines?.setPaused($0) }
            lines.start()
            link.watch()
            return link
        } catch {
            await link.close()
            throw .transport("cannot talk to \(settings.command): \(error)")
        }
    }

    func agreed(on revision: ProtocolRevision) {}

    var keepsState: Bool { true }

    func begin() {}

    // MARK: Sending

    func exchange(
        _ request: ClientRequest, _ method: String, _ params: Document?
    ) async throws(MCPClientError) -> Document {
        let message = JSONRPCMessage.request(id: .integer(request.id), method: method, params: params)
        let clock = RequestClock(request, on: core.eventLoop, command: settings.command)
        clock.start()
        defer { clock.stop() }
        send(message.encoded())
        return try await request.outcome.wait(orWhenCancelled: .failure(.cancelled)).get()
    }

    func send(_ message: JSONRPCMessage) async throws(MCPClientError) {
        guard send(message.encoded()) else { throw .transport("\(settings.command) is gone; start it again") }
    }

    @discardableResult
    private func send(_ message: [UInt8]) -> Bool {
        state.withLock { $0.lines }?.send(message) ?? false
    }

    // MARK: Receiving

    func received(_ line: ByteBuffer) {
        core.noteArrival()
        switch JSONRPCInput(decoding: Array(buffer: line)) {
        case .single(let message): take(message)
        case .batch(let messages): for message in messages { take(message) }
        }
    }

    private func take(_ message: Result<JSONRPCMessage, JSONRPCFault>) {
        switch message {
        case .success(.response(let id, let result)):
            // An answer that nobody waits for any more is dropped.
            core.waiting(for: id)?.outcome.give(result.mapError(MCPClientError.rpc))
        case .success(.notification(let method, let params)):
            core.take(method, params)
        case .success(.request(let id, let method, let params)):
            core.serve(id, method, params)
        case .failure(let fault):
            core.logger.warning(
                "an MCP server wrote a line that is no JSON-RPC message; its log belongs to standard error",
                metadata: ["server": "\(settings.command)", "error": "\(fault.error.message)"])
        }
    }

    /// Ends the session with the process, even if another one holds its output open.
    private func watch() {
        core.tasks.start(on: core.executor) { [core, process] in
            guard let reason = await process.waitForEnd() else { return }
            // What it wrote before it ended is still to be read.
            try? await Task.sleep(for: .milliseconds(250))
            core.ended("\(reason); see what it wrote to standard error")
        }
    }

    func ended(_ end: LineChannel.End) {
        if case .overlong(let reason) = end {
            core.ended("\(settings.command) was not understood: \(reason); see whether it is an MCP server")
            return
        }
        // How the process has ended says more than that its output has.
        core.tasks.start(on: core.executor) { [self] in
            let status = await process.waitForEnd(atMost: .seconds(1), on: core.eventLoop)
            let fallback =
                switch end {
                case .inputClosed: "\(settings.command) has closed its standard output"
                case .closed(let reason), .overlong(let reason):
                    "the connection to \(settings.command) has ended: \(reason)"
                }
            core.ended("\(status ?? fallback); see what it wrote to standard error")
        }
    }

    // MARK: End

    /// Closes the child's standard input, and ends it by force if it does not end by itself.
    func close() async {
        let (lines, standardError) = state.withLock { ($0.lines.take(), $0.standardError.take()) }
        core.pause.listen(nil)
        lines?.closeOutput()
        if await process.waitForEnd(atMost: settings.endGrace, on: core.eventLoop) == nil {
            process.terminate()
            // SIGTERM, the grace, SIGKILL.
            _ = await process.waitForEnd(atMost: settings.endGrace + .seconds(5), on: core.eventLoop)
        }
        lines?.close()
        await lines?.waitUntilClosed()
        standardError?.close(promise: nil)
        try? await standardError?.closeFuture.get()
    }
}

/// Ends a request at its deadline, which may be put off while it runs.
private final class RequestClock: Sendable {
    private let request: ClientRequest
    private let eventLoop: any EventLoop
    private let command: String
    private let timer = Mutex<Scheduled<Void>?>(nil)

    init(_ request: ClientRequest, on eventLoop: any EventLoop, command: String) {
        self.request = request
        self.eventLoop = eventLoop
        self.command = command
    }

    func start() {
        schedule(at: request.deadline)
    }

    private func schedule(at deadline: NIODeadline) {
        let scheduled = eventLoop.scheduleTask(deadline: deadline) { self.fire() }
        timer.withLock { $0 = scheduled }
    }

    private func fire() {
        let deadline = request.deadline
        guard deadline <= .now() else { return schedule(at: deadline) }
        request.outcome.give(
            .failure(.timeout("\(command) has not answered in time; see whether it is busy, or raise its time limit")))
    }

    func stop() {
        timer.withLock { $0.take() }?.cancel()
    }
}
