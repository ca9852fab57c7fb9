// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework
internal import Values

/// Reads `request_state`, and the key of the environment.
struct RequestStateReader {
    /// The fewest bytes of a key: as many as its digest has.
    private static let minimumKeySize = 32

    let section: SettingsSection

    private var session: LoadSession { section.session }
    private var path: KeyPathText { section.path }

    func read() -> RequestStateSettings {
        var settings = RequestStateSettings()
        let key = section.optional("key", .text, variables: ["GATEHOUSE_STATE_KEY"])
        let file = section.optional("key_file", .name)
        if let key {
            settings.key = checked(key.value, key.source, path.key("key"))
            if file != nil, case .file = key.source {
                session.error(section.source, path, "has both key and key_file; keep one")
            }
        } else if let file, let existing = session.existingFile(file, path.key("key_file")) {
            settings.key = keyOfFile(existing, file.source)
        }
        let lifetime = section.setting("lifetime", .seconds, default: settings.lifetime)
        if !(Duration.seconds(1)...Duration.seconds(3_600)).contains(lifetime.value) {
            session.error(
                lifetime.source, path.key("lifetime"), "is not between 1 second and 3600; give seconds in between")
        }
        settings.lifetime = lifetime.value
        section.finish()
        return settings
    }

    private func keyOfFile(_ file: String, _ source: SettingSource) -> String? {
        do throws(ConfigurationFile.Failure) {
            let text = try ConfigurationFile.read(file).text
            // An editor's line feed is no part of it.
            let key = String(decoding: text.utf8.reversed().drop { $0 == 0x0A || $0 == 0x0D }.reversed(), as: UTF8.self)
            return checked(key, source, path.key("key_file"))
        } catch {
            session.error(source, path.key("key_file"), error.message)
            return nil
        }
    }

    private func checked(_ key: String, _ source: SettingSource, _ path: KeyPathText) -> String? {
        guard key.utf8.count >= Self.minimumKeySize else {
            session.error(
                source, path,
                "is shorter than \(Self.minimumKeySize) bytes, and could be guessed; make one with `openssl rand -hex 32`"
            )
            return nil
        }
        return key
    }
}
