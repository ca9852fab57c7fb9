// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import ServiceLifecycle

extension ChannelEnd {
    /// Waits until a service is to end, by graceful shutdown or cancellation; true when one of its channels closed by itself before.
    package static func comesBeforeShutdown(of channels: [any Channel]) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                try? await gracefulShutdown()
                return false
            }
            for channel in channels {
                group.addTask { await ChannelEnd(channel).wait() }
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
    }
}
