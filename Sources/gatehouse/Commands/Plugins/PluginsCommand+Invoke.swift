// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginFramework
import PluginServer
import Values

extension PluginsCommand {
    /// `gatehouse plugins invoke HOOK --plugin NAME --payload JSON`.
    struct Invoke: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Asks one plugin at one hook: no chain, no conditions, no mode.",
                discussion:
                    "Prints what it says as JSON. Ends with 0 if it decided, whatever it decided, and with 1 if it failed."
            )
        }

        @Argument(help: "The hook, such as tool_pre_invoke.")
        var hook: String

        @Option(help: "The plugin's name.")
        var plugin: String

        @OptionGroup var request: RequestOptions
        @OptionGroup var options: Options

        func run() async throws {
            let json = try request.jsonBytes()
            let payload: Value
            do throws(ValueError) {
                payload = try JSONParser.decode(json)
            } catch {
                throw ValidationError("The payload is no JSON: \(error)")
            }
            try await options.withPlugins { plugins in
                let names = plugins.entries.map(\.name)
                guard let name = names.first(where: { $0.lowercased().hasSameBytes(as: plugin.lowercased()) }) else {
                    let advice = plugin.closestMatch(among: names).map { " Did you mean \"\($0)\"?" } ?? ""
                    throw ValidationError("No plugin named \"\(plugin)\" is configured.\(advice)")
                }
                let start = ContinuousClock.now
                let answer = await plugins.invoker(of: name).invoke(
                    PluginInvocation(
                        hook: HookName(rawValue: hook), plugin: name, payload: Document(payload),
                        context: PluginContext(global: request.context)))
                var output: ValueObject = [
                    "plugin": .string(name), "duration_ms": .double((ContinuousClock.now - start).milliseconds),
                ]
                switch answer.outcome {
                case .success(let result): output["result"] = result.shown
                case .failure(let error): output["error"] = error.shown
                }
                if let context = answer.context {
                    output["context"] = [
                        "state": .object(context.state), "metadata": .object(context.metadata),
                        "global_state": .object(context.global.state),
                    ]
                }
                StandardStream.output.print(Value.object(output).description)
                if case .failure = answer.outcome { throw ExitCode(ExitStatus.failure) }
            }
        }
    }
}
