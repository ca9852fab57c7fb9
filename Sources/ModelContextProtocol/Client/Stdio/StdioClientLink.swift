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
    private let deadlines: RequestWatch
    private let state = Mutex(State())

    private struct State {
        var lines: LineChannel?
        var standardError: (any Channel)?
    }

    private init(_ core: ClientCore, _ process: ChildProcess, _ settings: MCPStdioClientSettings) {
        self.core = core
        self.process = process
        self.settings = settings
        deadlines = RequestWatch(core, server: settings.command)
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
            link.followProcess()
            return link
        } catch {
            await link.close()
            throw .transport("cannot talk to \(settings.command): \(error)")
        }
    }

    func agreed(on revision: ProtocolRevision?) {}

    var cancelsByClosing: Bool { false }

    var keepsState: Bool { true }

    func begin() {}

    // MARK: Sending

    func exchange(
        _ request: ClientRequest, _ method: String, _ params: Document?
    ) async throws(MCPClientError) -> Document {
        let message = JSONRPCMessage.request(id: .integer(request.id), method: method, params: params)
        deadlines.watch(request.deadline)
        send(message.encoded())
        return try await request.answer()
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
        core.take(JSONRPCInput(decoding: Array(buffer: line)), from: settings.command)
    }

    /// Ends the session with the process, even if another one holds its output open.
    private func followProcess() {
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
        deadlines.stop()
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
