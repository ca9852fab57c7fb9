// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import PluginFramework
internal import Values

/// The settings of `DenyListPlugin`.
public struct DenyListSettings: PluginSettings {
    /// Texts that no argument of a prompt may hold.
    public var words: [String] = []

    /// No words.
    public init() {}
}

/// Blocks a prompt if one of its arguments holds a listed text.
///
/// As in ContextForge a word is a plain text that may stand anywhere, within other words too, and case matters; it is
/// compared byte by byte.
public struct DenyListPlugin: Plugin, PromptPreFetch {
    /// The kind.
    public static let kind = "DenyListPlugin"
    /// ContextForge's path of the plugin that this one replaces, and a short form.
    public static let kindAliases = ["deny_list", "plugins.deny_filter.deny.DenyListPlugin"]

    private let words: DenyWords
    private let logger: Logger

    /// - Throws: `SettingsError` for an empty list or word.
    public init(settings: DenyListSettings) throws {
        try self.init(settings: settings, logger: Logger(label: "gatehouse.plugins.deny_list"))
    }

    init(settings: DenyListSettings, logger: Logger) throws {
        self.logger = logger
        if settings.words.isEmpty { throw SettingsError(key: "words", "is empty; list at least one word") }
        for (index, word) in settings.words.enumerated() where word.isEmpty {
            throw SettingsError(key: "words.\(index)", "is empty and would block everything; remove it")
        }
        words = DenyWords(settings.words)
    }

    /// The first 64 characters of an argument's name: it is the caller's text, and can be of any length.
    private static func shown(_ key: String) -> String {
        var scalars = key.unicodeScalars.prefix(65)
        guard scalars.count == 65 else { return key }
        scalars.removeLast()
        return String(scalars) + "…"
    }

    /// Looks at the values of the arguments that are strings; their names are the template's, as in ContextForge.
    public func promptPreFetch(
        _ request: PromptRequest, context: PluginContext
    ) async throws -> Verdict<PromptRequest> {
        for member in request.args ?? [:] {
            guard let text = member.value.stringValue, words.occur(in: text) else { continue }
            logger.warning("deny word in prompt argument", metadata: ["argument": "\(Self.shown(member.key))"])
            return .block(
                PluginViolation(
                    code: "deny", reason: "Prompt not allowed", description: "A deny word was found in the prompt"))
        }
        return .pass
    }
}
