// SPDX-License-Identifier: Apache-2.0

package import Values
internal import PluginFramework

/// One value of a configuration and where it came from.
package struct ReportedSetting: Sendable, Equatable {
    /// Which value it is.
    package var path: KeyPathText
    /// The value as used; null where unset.
    package var value: Value
    /// Where it came from.
    package var source: SettingSource
    /// Whether it is hidden when shown.
    package var isSecret: Bool
}
