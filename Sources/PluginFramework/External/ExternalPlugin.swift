// SPDX-License-Identifier: Apache-2.0

package import Values

/// A plugin on a plugin server: what the client half of every transport offers to whoever composes plugins.
///
/// Before it is used it is started. A server that is down then, or does not have the plugin, is asked again and again; until it
/// answers, every call ends with an error that says so.
package protocol ExternalPlugin: PluginInvoker {
    /// Whether the plugin can be called, what its server says of it, and who wants to know.
    var admission: PluginAdmission { get }

    /// Connects, and returns when the plugin can be called or it is known that it cannot yet be; after `patience` in any case.
    ///
    /// A plugin that is down is admitted as soon as it answers.
    func start(patience: Duration) async

    /// Takes no more calls, and lets go of its connections.
    func shutDown() async
}

extension ExternalPlugin {
    /// The entry as it is configured here.
    package var local: PluginEntry { admission.local }

    /// The entry: merged with what the server says as soon as it is known, else as it is configured here.
    package var entry: PluginEntry { admission.admitted?.entry ?? local }

    /// Where the plugin runs, as operators write it.
    package var target: String { admission.target }

    /// Why the plugin cannot be called, and since when; nil when it can be.
    package var downReason: (reason: String, since: WallTime)? { admission.downReason }

    /// The merged entry, once it is known and whenever it changes: for those who put pipelines together.
    package func entryUpdates() -> AsyncStream<PluginEntry> { admission.entryUpdates() }

    /// Connects, with two seconds of patience.
    package func start() async { await start(patience: .seconds(2)) }
}
