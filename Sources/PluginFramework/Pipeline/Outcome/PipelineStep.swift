// SPDX-License-Identifier: Apache-2.0

/// What one plugin did at one hook, and what became of it.
public struct PipelineStep: Sendable {
    /// What it meant to the call.
    public enum Verdict: String, Sendable {
        /// The plugin let the call pass.
        case passed
        /// The plugin let the call pass, changed.
        case changed
        /// The plugin's violation ended the call.
        case blocked
        /// The plugin would have blocked, but its mode does not let it.
        case overruled
        /// The plugin failed, and that ended the call.
        case failed
        /// The plugin failed, and the call went on.
        case ignored
        /// The plugin works in the background.
        case background
        /// The plugin would have worked in the background, but too much does.
        case dropped
    }

    /// The plugin's name as it is configured.
    public var plugin: String
    /// What it meant to the call.
    public var verdict: Verdict
    /// Whether it changed the payload.
    public var isChanged = false
    /// The violation, whether or not it ended the call.
    public var violation: PluginViolation?
    /// The error, whether or not it ended the call.
    public var error: PluginError?
    /// How long the plugin took; of several runs in one band the last.
    public var duration: Duration
    /// What the plugin wanted and did not get.
    public var rejections: [PipelineRejection] = []

    init(plugin: String, verdict: Verdict, duration: Duration) {
        self.plugin = plugin
        self.verdict = verdict
        self.duration = duration
    }
}

/// Something that a plugin returned and that was not taken.
public struct PipelineRejection: Sendable, Equatable {
    /// What it was: "payload.uri", "payload", "metadata._decision_plugin", "http_headers.X".
    public var key: String
    /// Why it was not taken.
    public var reason: String

    init(_ key: String, _ reason: String) {
        self.key = key
        self.reason = reason
    }
}
