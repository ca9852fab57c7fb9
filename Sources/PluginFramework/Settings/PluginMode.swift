// SPDX-License-Identifier: Apache-2.0

/// What a plugin's verdicts and errors mean to the calls it sees.
public enum PluginMode: String, Sendable, CaseIterable {
    /// A violation blocks, an error or timeout blocks.
    case enforce
    /// A violation blocks, an error or timeout is logged and the call goes on.
    case enforceIgnoreError = "enforce_ignore_error"
    /// Violations and errors are logged and recorded, the call goes on; changes apply.
    case permissive
    /// The plugin is not loaded.
    case disabled
    /// cpex: as ``enforce``.
    case sequential
    /// cpex: may change, cannot block.
    case transform
    /// cpex: observes only.
    case audit
    /// cpex: may block, cannot change; side by side with its like.
    case concurrent
    /// cpex: in the background, on a snapshot, after the others.
    case fireAndForget = "fire_and_forget"
}

/// What an error of a plugin means, in cpex's vocabulary.
public enum PluginErrorPolicy: String, Sendable, CaseIterable {
    /// The call is blocked.
    case fail
    /// The call goes on.
    case ignore
    /// The call goes on, and the plugin is switched off.
    case disable
}
