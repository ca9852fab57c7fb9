// SPDX-License-Identifier: Apache-2.0

/// What one principal may have of the gateway at a time, so that something is left for the others.
package struct FairShareLimits: Sendable, Equatable {
    /// Calls in flight, over all of its sessions.
    ///
    /// 200 by default.
    package var calls = 200
    /// Sessions open.
    ///
    /// 100 by default.
    package var sessions = 100
    /// Bytes of requests whose calls are in flight.
    ///
    /// 64 MiB by default.
    package var bytes = 64 << 20

    /// The defaults.
    package init() {}
}
