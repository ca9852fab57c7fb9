// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginFramework
import PluginServer
import Values

extension PluginsCommand {
    /// `gatehouse plugins run HOOK --payload JSON`.
    struct Run: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Runs the whole chain of a hook, and shows each step's verdict and time.",
                discussion: """
                    Ends with 0 if the chain decided: allowed, or blocked by a violation. Ends with 1 if the call is blocked because \
                    a plugin failed.
                    """)
        }

        @Argument(help: "The hook, such as tool_pre_invoke.")
        var hook: String

        @OptionGroup var request: RequestOptions
        @OptionGroup var options: Options

        func run() async throws {
            let json = try request.jsonBytes()
            let hook = HookName(rawValue: hook)
            try await options.withPlugins { plugins in
                var state = PipelineRequest(request.context)
                let outcome = await plugins.pipeline.run(hook, json: json, in: &state)
                if outcome.steps.isEmpty { try check(hook, plugins) }
                StandardStream.output.print(options.json ? outcome.shown.description : Self.text(outcome))
                if outcome.block?.error != nil { throw ExitCode(ExitStatus.failure) }
            }
        }

        /// That nobody was asked says nothing of a call when there is no such hook.
        private func check(_ hook: HookName, _ plugins: PluginSet) throws {
            let known = (HookName.standard + plugins.entries.flatMap(\.hooks)).map(\.rawValue)
            guard !known.contains(where: hook.rawValue.hasSameBytes(as:)) else { return }
            let advice = hook.rawValue.closestMatch(among: known).map { " Did you mean \"\($0)\"?" } ?? ""
            throw ValidationError("There is no hook \"\(hook)\", and no plugin listens to one of that name.\(advice)")
        }

        private static func text(_ outcome: PipelineOutcome) -> String {
            var lines = outcome.steps.map { step in
                var line = "\(step.plugin): \(step.verdict.rawValue) in \(step.duration.milliseconds) ms"
                if step.isChanged { line += ", changed the payload" }
                if let violation = step.violation { line += ", \(violation.code): \(violation.description)" }
                if let error = step.error { line += ", \(error)" }
                for rejection in step.rejections { line += "\n  not accepted: \(rejection.key): \(rejection.reason)" }
                return line
            }
            if lines.isEmpty { lines = ["no plugin was asked at this hook"] }
            switch outcome.verdict {
            case .allowed(nil): lines.append("allowed, unchanged")
            case .allowed(let change?): lines.append("allowed, changed: \(change)")
            case .blocked(let block):
                lines.append("blocked: \(block.jsonRPCError.value), HTTP status \(block.httpStatus)")
            }
            return lines.joined(separator: "\n")
        }
    }
}
