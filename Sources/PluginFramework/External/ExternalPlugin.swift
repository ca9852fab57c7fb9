// SPDX-License-Identifier: Apache-2.0

package import Values

/// A plugin on a plugin server: what the client half of every transport offers to whoever composes plugins.
///
/// Before it is used it is started. A server that is down then, or does not have the plugin, is asked again and again; until it
/// answers, every call ends with an error that says so.
package protocol ExternalPlugin: PluginInvoker {
    /// The entry as it is configured here.
    var local: PluginEntry { get }
    /// The entry: merged with what the server says as soon as it is known, else as it is configured here.
    var entry: PluginEntry { get }
    /// Where the plugin runs, as operators write it.
    var target: String { get }
    /// Why the plugin cannot be called, and since when; nil when it can be.
    var downReason: (reason: String, since: WallTime)? { get }

    /// Connects, and returns when the plugin can be called or it is known that it cannot yet be; after `patience` in any case.
    ///
    /// A plugin that is down is admitted as soon as it answers.
    func start(patience: Duration) async

    /// Takes no more calls, and lets go of its connections.
    func shutDown() async

    /// The merged entry, once it is known and whenever it changes: for those who put pipelines together.
    func entryUpdates() -> AsyncStream<PluginEntry>
}

extension ExternalPlugin {
    /// Connects, with two seconds of patience.
    package func start() async { await start(patience: .seconds(2)) }
}
