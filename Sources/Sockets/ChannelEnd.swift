// SPDX-License-Identifier: Apache-2.0

package import NIOCore
internal import Synchronization

/// Waits for the end of a channel, or for cancellation.
package final class ChannelEnd: Sendable {
    private let state = Mutex<(continuation: CheckedContinuation<Bool, Never>?, result: Bool?)>((nil, nil))

    /// Begins to watch a channel.
    package init(_ channel: any Channel) {
        channel.closeFuture.whenComplete { _ in self.resolve(true) }
    }

    private func resolve(_ closed: Bool) {
        let continuation = state.withLock { state in
            guard state.result == nil else { return nil as CheckedContinuation<Bool, Never>? }
            state.result = closed
            return state.continuation.take()
        }
        continuation?.resume(returning: closed)
    }

    /// Whether the channel closed; false when the waiting was cancelled.
    ///
    /// To be called once.
    package func wait() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state in
                    if state.result == nil { state.continuation = continuation }
                    return state.result
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            resolve(false)
        }
    }
}
