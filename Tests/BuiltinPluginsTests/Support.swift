// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import Synchronization
import Values

@testable import BuiltinPlugins

/// A plugin made from `config:` as a server makes it.
func makePlugin<P: Plugin>(_ type: P.Type, _ config: Value = [:]) throws -> P {
    try P(settings: ValueDecoder.decode(P.Settings.self, from: config))
}

/// What making a plugin from `config:` complains about; nil when it does not.
func settingsError<P: Plugin>(_ type: P.Type, _ config: Value) -> String? {
    do {
        _ = try makePlugin(type, config)
        return nil
    } catch {
        return "\(error)"
    }
}

func makeContext() -> PluginContext { PluginContext(global: GlobalContext(requestID: "1")) }

/// The log lines of one test.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func append(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Keeps what is logged.
struct CollectingLogHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(lines: LogLines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).map { " \($0.key)=\($0.value)" }.sorted().joined()
        lines.append("\(event.message)\(metadata)")
    }
}
