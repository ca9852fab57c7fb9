// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import PluginServer
import TransportProbe

/// The plugin server of the interop suite: the plugins of `plugins.yaml`, each behaving as its namesake in
/// `reference_plugins.py`, and the plugin with which the Swift tests show what a transport carries.
@main
struct InteropPlugins: PluginServerCommand {
    static let plugins: [any Plugin.Type] = [
        NoOpPlugin.self, EchoPlugin.self, ModifyPlugin.self, BlockPlugin.self, FailPlugin.self, ThrowPlugin.self,
        SleepPlugin.self, NeverPlugin.self, BlockingPlugin.self, StallPlugin.self, CrashPlugin.self, InspectPlugin.self,
        RememberPlugin.self, ForgetPlugin.self, NonsensePlugin.self, NumbersPlugin.self, LargePlugin.self,
        ReviewPlugin.self, ProbePlugin.self,
    ]
}
