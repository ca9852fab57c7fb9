// SPDX-License-Identifier: Apache-2.0

import BuiltinPlugins
import PluginFramework

extension PluginRegistry {
    /// The plugins that come with the executable.
    static let builtin = PluginRegistry([])
}
