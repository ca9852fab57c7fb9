// SPDX-License-Identifier: Apache-2.0

import Subprocess
import Synchronization

/// A server process, for as long as something is done with it.
enum BenchServer {
    /// How long a server may take to accept connections: interpreters on busy machines need many seconds.
    private static let patience = Duration.seconds(60)
    /// How much of what it prints is kept for an error message, in bytes.
    private static let keptOutput = 4_000

    /// Starts a server, waits until it accepts connections, does something with it, and ends it.
    ///
    /// - Throws: ``BenchFailure`` with the end of what it printed, when it does not come up.
    static func with<Result: Sendable>(
        _ command: [String], environment: [String: String] = [:], at place: BenchPlace,
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let outcome = try await Subprocess.run(
            // `env` takes paths as well as names, and sets the variables.
            .name("env"), arguments: Arguments(variables + command), input: .none, output: .sequence,
            error: .combinedWithOutput
        ) { execution -> Swift.Result<Result, any Error> in
            let output = Output()
            return await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    // Read to its end, which is the server's: one that writes to a full pipe stands still.
                    do {
                        for try await piece in execution.standardOutput {
                            piece.withUnsafeBytes { output.append($0) }
                        }
                    } catch {
                        output.append(Array("(its output cannot be read: \(error))".utf8))
                    }
                    output.end()
                }
                let result: Swift.Result<Result, any Error>
                do {
                    try await waitUntilAccepting(place, command, output)
                    result = .success(try await body())
                } catch {
                    result = .failure(error)
                }
                await execution.teardown(using: [.gracefulShutDown(allowedDurationToNextStep: .seconds(10))])
                return result
            }
        }
        return try outcome.closureResult.get()
    }

    private static func waitUntilAccepting(_ place: BenchPlace, _ command: [String], _ output: Output) async throws {
        let end = ContinuousClock.now + patience
        while !place.isAccepting {
            guard !output.hasEnded else {
                throw BenchFailure("\(command.joined(separator: " ")) ended at once:\n\(output.text)")
            }
            guard ContinuousClock.now < end else {
                throw BenchFailure(
                    "\(command.joined(separator: " ")) accepts no connection after \(patience):\n\(output.text)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The end of what a server prints.
    private final class Output: Sendable {
        private let state = Mutex((bytes: [UInt8](), hasEnded: false))

        func append(_ bytes: some Collection<UInt8>) {
            state.withLock { state in
                state.bytes += bytes
                if state.bytes.count > 2 * keptOutput { state.bytes.removeFirst(state.bytes.count - keptOutput) }
            }
        }

        func end() { state.withLock { $0.hasEnded = true } }

        var hasEnded: Bool { state.withLock { $0.hasEnded } }

        var text: String { state.withLock { String(decoding: $0.bytes.suffix(keptOutput), as: UTF8.self) } }
    }
}
