// SPDX-License-Identifier: Apache-2.0

/// The exit codes of every command.
package enum ExitStatus {
    /// The command did what it was asked to do; a server was asked to end and drained.
    package static let success: Int32 = 0
    /// Something failed while running: a port in use, a peer gone, a call refused.
    package static let failure: Int32 = 1
    /// The command line or the configuration is wrong; nothing was started.
    package static let configuration: Int32 = 2
    /// What shells report for a process that a signal ended, and what a server returns when a second signal cuts its drain
    /// short: 128 and the signal's number.
    package static func signal(_ number: Int32) -> Int32 { 128 + number }
}
