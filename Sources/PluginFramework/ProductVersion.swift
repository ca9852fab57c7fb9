// SPDX-License-Identifier: Apache-2.0

/// Which version of Gatehouse this is.
package enum ProductVersion {
    /// As peers are told, and as `--version` prints it.
    package static let current = "0.1.0"
}
