// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Synchronization
import Values

// A session that the client wants to hear from is begun again when it was lost, and not only with the client's next call.
extension ClientLink {
    /// Keeps the session open while the client is subscribed to something of its upstream.
    func watch() {
        watcher.withLock { watcher in
            guard watcher.task == nil, !watcher.isEnded else { return }
            // Owned by this link: `end` cancels it.
            watcher.task = Task { await self.keepOpen() }
        }
    }

    /// Whether the client is subscribed to something of the upstream.
    private var hasSubscriptions: Bool {
        guard let session = client else { return false }
        let view = session.server.view
        return session.subscriptions.contains { view.target(uri: $0)?.upstream === upstream }
    }

    /// Whether there is nothing to keep open any more; then this watcher is forgotten.
    ///
    /// Both under one lock: whoever subscribes meanwhile finds a watcher that will see it, or none and begins another.
    private func isDone() -> Bool {
        watcher.withLock { watcher in
            guard Task.isCancelled || !hasSubscriptions else { return false }
            watcher.task = nil
            return true
        }
    }

    private func keepOpen() async {
        var backoff = Backoff()
        while !isDone() {
            do throws(UpstreamError) {
                let client = try await link.client()
                backoff.reset()
                guard await client.waitForEnd() != nil else {
                    watcher.withLock { $0.task = nil }
                    return
                }
                await link.lost(client)
            } catch {
                try? await Task.sleep(for: backoff.next())
            }
        }
    }
}
