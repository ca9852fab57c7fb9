// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// What one load collects: values with their sources, and everything that is wrong.
final class LoadSession {
    /// What the file is called in errors.
    let fileName: String
    /// The variables, those with an empty value left out: ContextForge takes them for unset.
    let environment: [String: String]
    let overrides: CommandLineOverrides
    private(set) var diagnostics: [ConfigurationDiagnostic] = []
    private(set) var settings: [ReportedSetting] = []
    /// Which values are not to be shown; knows of `secret_keys` once they are read.
    var mask = SecretMask()
    /// Whether files that TLS needs have to be there.
    var requiresFiles = true

    init(fileName: String, environment: [String: String], overrides: CommandLineOverrides) {
        self.fileName = fileName
        self.environment = environment.filter { !$0.value.isEmpty }
        self.overrides = overrides
    }

    /// The place of a line of the file.
    func file(_ line: Int?) -> SettingSource { .file(fileName, line: line) }

    func error(_ source: SettingSource, _ path: KeyPathText, _ message: String) {
        diagnostics.append(ConfigurationDiagnostic(severity: .error, source: source, path: path, message: message))
    }

    func warn(_ source: SettingSource, _ path: KeyPathText, _ message: String) {
        diagnostics.append(ConfigurationDiagnostic(severity: .warning, source: source, path: path, message: message))
    }

    /// Notes a value for the report.
    func record(_ path: KeyPathText, _ value: Value, _ source: SettingSource, isSecret: Bool) {
        settings.append(ReportedSetting(path: path, value: value, source: source, isSecret: isSecret))
    }

    /// Where a value noted before came from.
    func source(of path: KeyPathText) -> SettingSource {
        settings.last { $0.path == path }?.source ?? .defaultValue
    }

    /// Turns the errors below a path into warnings: what is wrong with a plugin that is not loaded does no harm.
    func demoteErrors(below path: KeyPathText, where matches: (ConfigurationDiagnostic) -> Bool) {
        for index in diagnostics.indices
        where diagnostics[index].path.description.hasPrefix(path.description + ".") && matches(diagnostics[index]) {
            diagnostics[index].severity = .warning
        }
    }

    /// The diagnostics of one severity: those of the file by line, then those of the environment and the command line.
    func sorted(_ severity: ConfigurationDiagnostic.Severity) -> [ConfigurationDiagnostic] {
        func order(_ source: SettingSource) -> (Int, Int) {
            switch source {
            case .file(_, let line): (0, line ?? 0)
            case .environment: (1, 0)
            case .commandLine: (2, 0)
            case .defaultValue: (3, 0)
            }
        }
        return diagnostics.filter { $0.severity == severity }.enumerated()
            .sorted { left, right in
                let (a, b) = (order(left.element.source), order(right.element.source))
                return (a.0, a.1, left.offset) < (b.0, b.1, right.offset)
            }
            .map(\.element)
    }
}
