// SPDX-License-Identifier: Apache-2.0

import CPluginTrace
import Logging
import Synchronization

/// Finds plugins that hold their thread for too long, and names them in the log.
///
/// A plugin starts on the thread that received its call. While it computes, sleeps or reads there without suspending, nobody else
/// on that thread is served, so that this must not stay unseen.
final class StallWatch: Sendable {
    private let limit: Duration
    private let pluginNames: Set<String>
    private let logger: Logger
    private let onChange: @Sendable (Set<String>) -> Void
    private let known = Mutex<[String: UInt64]>([:])

    /// - Parameter onChange: Called with the names of the plugins that are stalled, whenever these change.
    init(
        limit: Duration, pluginNames: Set<String>, logger: Logger, onChange: @escaping @Sendable (Set<String>) -> Void
    ) {
        self.limit = limit
        self.pluginNames = pluginNames
        self.logger = logger
        self.onChange = onChange
    }

    /// Looks once; to be called several times within the limit, on a thread that no plugin can hold.
    func look() {
        var stalled: [String: UInt64] = [:]
        for running in Self.runningPlugins() where running.may_block == 0 && running.elapsed > limit.nanoseconds {
            let name = String(cString: running.plugin)
            guard pluginNames.contains(name) else { continue }
            stalled[name] = running.since
        }
        let before = known.withLock { known in
            defer { known = stalled }
            return known
        }
        for (name, since) in stalled where before[name] != since {
            logger.error(
                "Plugin stalls its thread: it has run without suspending for longer than the limit; declare it isBlocking, or await",
                metadata: ["plugin": "\(name)", "limit": "\(limit.secondsDescription)"])
        }
        for name in before.keys where stalled[name] == nil {
            logger.notice("Plugin no longer stalls its thread", metadata: ["plugin": "\(name)"])
        }
        if Set(stalled.keys) != Set(before.keys) { onChange(Set(stalled.keys)) }
    }

    private static func runningPlugins() -> [plugin_trace_running] {
        var capacity: UInt32 = 64
        while true {
            var found: UInt32 = 0
            let running = [plugin_trace_running](unsafeUninitializedCapacity: Int(capacity)) { buffer, count in
                guard let start = buffer.baseAddress else { return }
                found = plugin_trace_scan(start, capacity)
                count = Int(min(found, capacity))
            }
            if found <= capacity { return running }
            capacity = found * 2
        }
    }
}

extension Duration {
    /// The duration in nanoseconds; negative ones count as 0.
    fileprivate var nanoseconds: UInt64 {
        guard self > .zero else { return 0 }
        return UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
    }
}
