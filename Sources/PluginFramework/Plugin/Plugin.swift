// SPDX-License-Identifier: Apache-2.0

/// Code that looks at calls, changes them, or blocks them.
///
/// A plugin names its settings and conforms to one small protocol for each hook it listens to; conforming is registering:
///
/// ```swift
/// struct NoShouting: Plugin, ToolPreInvoke {
///     let settings: NoSettings
///     func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> { .pass }
/// }
/// ```
///
/// One instance serves all calls, many at a time. A method that throws, or takes longer than its time limit, yields an error for
/// that call alone. Methods start on the thread that received the call: whatever blocks a thread (files, sleeping, long
/// computations) belongs behind `await`, or the plugin declares itself ``isBlocking``.
public protocol Plugin: Sendable {
    /// What `config:` of the plugin's entry holds; ``NoSettings`` for nothing.
    associatedtype Settings: PluginSettings = NoSettings

    /// The name by which configuration asks for this plugin. Defaults to the type's name.
    static var kind: String { get }

    /// Further names, such as the Python path of the plugin that this one replaces. Defaults to none.
    static var kindAliases: [String] { get }

    /// Whether calls may block their thread; they then run on threads of their own. Defaults to false.
    static var isBlocking: Bool { get }

    /// Makes the plugin from its settings, checked already for type and unknown keys.
    ///
    /// - Throws: ``SettingsError`` for a value that makes no sense; the server does not start then.
    init(settings: Settings) throws

    /// Prepares for calls: opens files, connects. Called once, before the first call. Defaults to nothing.
    func initialize() async throws

    /// Lets go of what ``initialize()`` took. Called once, after the last call. Defaults to nothing.
    func shutdown() async

    /// Handlers for hooks that have no protocol here. Defaults to none.
    var customHooks: [HookHandler] { get }
}

extension Plugin {
    /// The type's name.
    public static var kind: String { String(describing: Self.self) }
    /// None.
    public static var kindAliases: [String] { [] }
    /// False.
    public static var isBlocking: Bool { false }
    /// Nothing to prepare.
    public func initialize() async throws {}
    /// Nothing to let go of.
    public func shutdown() async {}
    /// None.
    public var customHooks: [HookHandler] { [] }
}
