// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization
package import Values

/// Messages that belong to no call.
extension MCPServerSession {
    /// Sends the client a notification that belongs to no call, such as that a list has changed.
    ///
    /// Over HTTP it waits for the client's GET stream, within the limits of the endpoint; then the oldest is dropped. Of a
    /// stateless endpoint, and after the end of the session, it is dropped.
    package func notify(_ method: String, _ params: Document?) {
        _ = sendUnrelated(.notification(method: method, params: params))
    }

    /// Sends a message on one of the client's streams, or keeps it until there is one; false when nobody will ever get it.
    func sendUnrelated(_ message: JSONRPCMessage) -> Bool {
        guard !isStateless else { return false }
        let bytes = message.encoded()
        let result = state.withLock { state -> (waiter: Waiter?, dropped: Int, isEnded: Bool) in
            let (waiter, dropped) = state.unrelated.add(bytes, limits: limits)
            return (waiter, dropped, state.isEnded)
        }
        if let waiter = result.waiter, !waiter.give(bytes) {
            // The stream went away at this very moment.
            return putBack(bytes)
        }
        return !result.isEnded
    }

    @discardableResult
    private func putBack(_ message: [UInt8]) -> Bool {
        while true {
            guard let waiter = state.withLock({ $0.unrelated.putBack(message) }) else { return !isEnded }
            if waiter.give(message) { return true }
        }
    }

    /// Runs one of the client's streams: gives it message after message until it or the session ends.
    ///
    /// - Parameters:
    ///   - waitForRoom: waits until the stream can take a message; when it throws, the stream is over.
    ///   - write: writes one message; when it throws, the stream is over, and the message waits for the next.
    func stream(waitForRoom: () async throws -> Void = {}, write: ([UInt8]) async throws -> Void) async {
        guard let opened = state.withLock({ $0.unrelated.open(limits: limits) }) else { return }
        opened.superseded?.give(nil)
        defer {
            let waiter = state.withLock { state in
                state.lastUse = .now()
                return state.unrelated.close(opened.reader)
            }
            waiter?.give(nil)
        }
        while !Task.isCancelled {
            do { try await waitForRoom() } catch { return }
            let waiter = Waiter()
            let message: [UInt8]?
            switch state.withLock({ $0.unrelated.next(opened.reader, waiter) }) {
            case .message(let next): message = next
            case .wait: message = await waiter.wait(orWhenCancelled: nil)
            case .end: message = nil
            }
            guard let message else { return }
            do {
                try await write(message)
            } catch {
                putBack(message)
                return
            }
        }
    }

    /// Ends the client's streams, and takes no more of them; the session goes on.
    func endStreams() {
        let woken = state.withLock { $0.unrelated.end() }
        for waiter in woken { waiter.give(nil) }
    }
}
