// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
import PluginConfiguration

/// How commands end.
package enum CommandExit {
    /// Runs the command that the command line asks for.
    ///
    /// Usage errors give 2, which is what this project documents, not ArgumentParser's 64.
    ///
    /// - Returns: The exit code, see ``ExitStatus``; what there is to say about it has been printed.
    package static func run<Root: AsyncParsableCommand>(_ root: Root.Type) async -> Int32 {
        do {
            var command = try root.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return ExitStatus.success
        } catch {
            let code = root.exitCode(for: error)
            let message = root.fullMessage(for: error)
            if !message.isEmpty {
                // Help and version are asked for: they are the output. Everything else is a complaint.
                (code == .success ? StandardStream.output : StandardStream.error).print(message)
            }
            return code == .validationFailure ? ExitStatus.configuration : code.rawValue
        }
    }
}
