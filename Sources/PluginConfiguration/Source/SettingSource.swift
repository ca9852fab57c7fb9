// SPDX-License-Identifier: Apache-2.0

/// Where a value came from.
///
/// Those later in the list win: default < file < environment < command line.
package enum SettingSource: Sendable, Hashable {
    /// Nobody set it.
    case defaultValue
    /// A line of the configuration file, counted from 1; nil for the file as a whole.
    case file(String, line: Int?)
    /// An environment variable.
    case environment(String)
    /// A flag of the command line.
    case commandLine(String)

    /// A higher rank wins.
    package var rank: Int {
        switch self {
        case .defaultValue: 0
        case .file: 1
        case .environment: 2
        case .commandLine: 3
        }
    }
}

extension SettingSource: CustomStringConvertible {
    /// As errors and reports name it: `server.yaml:12`, `PLUGINS_GRPC_SERVER_PORT`, `--port`, `default`.
    package var description: String {
        switch self {
        case .defaultValue: "default"
        case .file(let name, let line?): "\(name):\(line)"
        case .file(let name, nil): name
        case .environment(let name), .commandLine(let name): name
        }
    }
}

/// A value and where it came from.
package struct Sourced<Value: Sendable>: Sendable {
    /// The value.
    package var value: Value
    /// Where it came from.
    package var source: SettingSource
}
