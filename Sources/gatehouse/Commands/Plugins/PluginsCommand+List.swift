// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCTransport
import PluginFramework
import PluginServer
import Values

extension PluginsCommand {
    /// `gatehouse plugins list`.
    struct List: AsyncParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Lists the plugins: where each runs, its mode, how it is, and how far away.")
        }

        @OptionGroup var options: Options

        func run() async throws {
            try await options.withPlugins { plugins in
                var rows: [ValueObject] = []
                for entry in plugins.entries { rows.append(await Self.row(of: entry, in: plugins)) }
                StandardStream.output.print(
                    options.json ? Value.array(rows.map(Value.object)).description : Self.table(rows))
            }
        }

        private static func row(of entry: PluginEntry, in plugins: PluginSet) async -> ValueObject {
            let invoker = plugins.external[entry.name]
            var row: ValueObject = [
                "name": .string(entry.name), "kind": .string(entry.kind),
                "where": .string(entry.isEnabled ? invoker?.target ?? "this process" : "not loaded"),
                "mode": .string(entry.mode.rawValue), "priority": .int(Int64(entry.priority)),
                "hooks": .array(entry.hooks.map { .string($0.rawValue) }), "health": "serving", "latency_ms": .null,
            ]
            guard entry.isEnabled else {
                row["health"] = "disabled"
                return row
            }
            guard let invoker else {
                row["health"] = plugins.host.health.plugins[entry.name] == true ? "serving" : "not serving"
                return row
            }
            if let (reason, since) = invoker.downReason {
                row["health"] = .string("down since \(since): \(reason)")
                return row
            }
            // Asked twice: the first call may have to wait for the connection.
            _ = await invoker.describe(entry.name)
            let start = ContinuousClock.now
            _ = await invoker.describe(entry.name)
            row["latency_ms"] = .double((ContinuousClock.now - start).milliseconds)
            return row
        }

        private static func table(_ rows: [ValueObject]) -> String {
            let columns = ["name", "where", "mode", "priority", "latency_ms", "health"]
            let header = ["NAME", "WHERE", "MODE", "PRIORITY", "LATENCY", "HEALTH"]
            let cells = [header] + rows.map { row in columns.map { Self.text(row[$0] ?? .null, of: $0) } }
            let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
            return cells.map { line in
                line.indices.map { index in
                    index == line.count - 1
                        ? line[index] : line[index] + String(repeating: " ", count: widths[index] - line[index].count)
                }.joined(separator: "  ")
            }.joined(separator: "\n")
        }

        private static func text(_ value: Value, of column: String) -> String {
            switch value {
            case .null: "-"
            case .string(let text): text
            default: column == "latency_ms" ? "\(value) ms" : "\(value)"
            }
        }
    }
}

extension Duration {
    /// In milliseconds, to the microsecond.
    var milliseconds: Double {
        let microseconds = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
        return Double(microseconds) / 1_000
    }
}
