// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
import Glibc
import PluginConfiguration

/// How commands end.
package enum CommandExit {
    /// Runs the command that the command line asks for, and ends the process with its exit code.
    ///
    /// Usage errors end with 2, which is what this project documents, not with ArgumentParser's 64.
    package static func main<Root: AsyncParsableCommand>(_ root: Root.Type) async -> Never {
        do {
            var command = try root.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            exit(ExitStatus.success)
        } catch {
            finish(root, error)
        }
    }

    private static func finish<Root: ParsableCommand>(_ root: Root.Type, _ error: any Error) -> Never {
        let code = root.exitCode(for: error)
        let message = root.fullMessage(for: error)
        if !message.isEmpty {
            // Help and version are asked for: they are the output. Everything else is a complaint.
            (code == .success ? StandardStream.output : StandardStream.error).print(message)
        }
        exit(code == .validationFailure ? ExitStatus.configuration : code.rawValue)
    }
}
