// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework
import PluginServer

extension BenchCommand {
    /// `gatehouse bench serve`: what `bench transports` starts, and what other load generators can be pointed at.
    struct Serve: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Serves a plugin named NoOp, which lets everything pass: nothing but the server is measured.",
                discussion: "Takes the options of `gatehouse plugin-server`; without --config it needs no file.")
        }

        @OptionGroup var options: PluginServerOptions

        static let yaml = """
            plugins:
              - name: NoOp
                kind: NoOpPlugin
            """

        func run() async throws {
            try await PluginServerLaunch.run(
                options, registry: PluginRegistry([NoOpPlugin.self]),
                text: options.config == nil ? (Self.yaml, "bench") : nil)
        }
    }
}

/// Lets everything pass without looking at it, at every hook.
private struct NoOpPlugin: Plugin {
    let settings: NoSettings

    var customHooks: [HookHandler] {
        HookName.standard.map { hook in HookHandler(hook) { (_: AnyPayload, _) in Verdict<AnyPayload>.pass } }
    }
}
