// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// A child process in a process group of its own, with pipes for its standard input, output and error.
final class ChildProcess: Sendable {
    /// Our ends of its pipes.
    struct Pipes {
        /// What is written here it reads.
        var input: CInt
        /// What it writes is read here.
        var output: CInt
        /// What it writes to standard error is read here.
        var error: CInt
    }

    private let command: String
    private let endGrace: Duration
    private let slot = TaskSlot()
    private let ending = Mutex<Ending>(.running([]))

    private enum Ending {
        case running([Outcome<String?>])
        case ended(String)
    }

    private init(_ settings: MCPStdioClientSettings) {
        command = settings.command
        endGrace = settings.endGrace
    }

    /// Starts a program.
    ///
    /// - Parameter owner: owns the task that waits for the end of the process.
    /// - Throws: `MCPClientError.transport` when no pipes are to be had. That the program cannot be started is told as its end.
    static func start(
        _ settings: MCPStdioClientSettings, core: ClientCore
    ) throws(MCPClientError) -> (ChildProcess, Pipes) {
        let process = ChildProcess(settings)
        var ends: [CInt] = []
        for _ in 0..<3 {
            var pair: [CInt] = [-1, -1]
            guard pipe(&pair) == 0 else {
                let reason = String(cString: strerror(errno))
                for end in ends { _ = Glibc.close(end) }
                throw .transport("cannot start \(settings.command): no pipes: \(reason); raise the limit of open files")
            }
            for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            ends += pair
        }
        let options = try process.options(settings)
        let childEnds = (input: ends[0], output: ends[3], error: ends[5])
        let started = core.tasks.start(on: core.executor, process.slot) {
            await process.run(options, childEnds)
        }
        guard started else {
            for end in ends { _ = Glibc.close(end) }
            throw .transport("the MCP session is over")
        }
        return (process, Pipes(input: ends[1], output: ends[2], error: ends[4]))
    }

    private func options(_ settings: MCPStdioClientSettings) throws(MCPClientError) -> Subprocess.Configuration {
        var variables: [Environment.Key: String?] = [:]
        for (name, value) in settings.environment {
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0),
                let key = Environment.Key(rawValue: name)
            else {
                throw .transport("cannot start \(command): \"\(name)\" is no name of an environment variable")
            }
            variables[key] = value
        }
        var environment = Environment.inherit
        if !settings.inheritsEnvironment {
            var few: [Environment.Key: String] = [:]
            for name in ["PATH", "HOME", "USER", "LANG", "TZ"] {
                guard let key = Environment.Key(rawValue: name), let value = getenv(name) else { continue }
                few[key] = String(cString: value)
            }
            environment = .custom(few)
        }
        var platform = PlatformOptions()
        platform.processGroupID = 0
        platform.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: settings.endGrace)
        ]
        return Subprocess.Configuration(
            executable: command.utf8.contains(UInt8(ascii: "/")) ? .path(FilePath(command)) : .name(command),
            arguments: Arguments(settings.arguments),
            environment: environment.updating(variables),
            workingDirectory: settings.workingDirectory.map { FilePath($0) },
            platformOptions: platform)
    }

    private func run(
        _ configuration: Subprocess.Configuration, _ ends: (input: CInt, output: CInt, error: CInt)
    ) async {
        let reason: String
        do {
            let result = try await Subprocess.run(
                configuration,
                input: .fileDescriptor(FileDescriptor(rawValue: ends.input), closeAfterSpawningProcess: true),
                output: .fileDescriptor(FileDescriptor(rawValue: ends.output), closeAfterSpawningProcess: true),
                error: .fileDescriptor(FileDescriptor(rawValue: ends.error), closeAfterSpawningProcess: true))
            switch result.terminationStatus {
            case .exited(let code): reason = "\(command) has ended with exit code \(code)"
            case .signaled(let number): reason = "\(command) was ended by signal \(number)"
            }
        } catch {
            reason = "cannot start \(command): \(error)"
        }
        let waiting = ending.withLock { ending -> [Outcome<String?>] in
            guard case .running(let waiting) = ending else { return [] }
            ending = .ended(reason)
            return waiting
        }
        for outcome in waiting { outcome.give(reason) }
    }

    /// Waits for the end of the process.
    ///
    /// - Returns: how it ended; nil when it has not within the time given.
    func waitForEnd(atMost limit: Duration, on eventLoop: any EventLoop) async -> String? {
        let outcome = Outcome<String?>()
        if let ended = note(outcome) { return ended }
        let timer = eventLoop.scheduleTask(in: TimeAmount(limit)) { outcome.give(nil) }
        defer { timer.cancel() }
        return await outcome.wait()
    }

    /// Waits for the end of the process, however long it takes.
    ///
    /// - Returns: how it ended; nil when the waiting task was cancelled.
    func waitForEnd() async -> String? {
        let outcome = Outcome<String?>()
        if let ended = note(outcome) { return ended }
        return await outcome.wait(orWhenCancelled: nil)
    }

    /// Has a result given when the process ends; returns how it ended if it has already.
    private func note(_ outcome: Outcome<String?>) -> String? {
        ending.withLock { ending in
            switch ending {
            case .ended(let reason): return reason
            case .running(let waiting):
                ending = .running(waiting + [outcome])
                return nil
            }
        }
    }

    /// Sends the process group SIGTERM, and SIGKILL if it has not ended after a while.
    func terminate() {
        slot.cancel()
    }
}
