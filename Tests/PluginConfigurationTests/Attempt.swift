// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginFramework
import Values

@testable import PluginConfiguration

/// One try at loading a text called `server.yaml`, and all that came of it.
struct Attempt {
    var loaded: LoadedConfiguration?
    var errors: [String] = []
    var warnings: [String] = []

    init(
        _ yaml: String, environment: [String: String] = [:], kinds: [String]? = nil,
        adjusting adjust: (inout ConfigurationLoader) -> Void = { _ in }
    ) {
        var loader = ConfigurationLoader(environment: environment)
        loader.kinds = kinds
        adjust(&loader)
        do throws(ConfigurationError) {
            loaded = try loader.load(text: yaml, name: "server.yaml")
            warnings = loaded?.warnings.map(\.description) ?? []
        } catch {
            errors = error.errors.map(\.description)
            warnings = error.warnings.map(\.description)
        }
    }

    var settings: PluginServerSettings? { loaded?.settings }

    /// What the report says about a key: its value as shown, and its source.
    func reported(_ key: String) -> String? {
        guard let loaded, let setting = loaded.report.settings.last(where: { $0.path.description == key }) else {
            return nil
        }
        return "\(loaded.report.shown(setting).jsonText) \(setting.source)"
    }
}

/// A folder that is gone when the test is over.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "gatehouse-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a file and returns its path.
    @discardableResult
    func file(_ name: String, _ text: String = "x", mode: Int = 0o600) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}
