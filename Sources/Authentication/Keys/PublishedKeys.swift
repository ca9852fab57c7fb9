// SPDX-License-Identifier: Apache-2.0

package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// The keys that an issuer publishes, as a file or under a URL: kept, got again from time to time, and when a token names a
/// key that is not among them.
///
/// Has to be run: tokens wait for keys that nobody gets. One attempt at a time serves all tokens that wait; a token waits for at
/// most one.
package final class PublishedKeys: KeySource, Service {
    /// Gets the document; ends within the time that it is given, or when its task is cancelled.
    package typealias Fetch = @Sendable (_ timeout: Duration) async throws(KeyError) -> [UInt8]

    fileprivate struct State {
        var keys: PublishedKeysState
        var generation: UInt64 = 0
        var isFetching = false
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let name: String
    private let times: PublishedKeysTimes
    private let fetch: Fetch
    private let logger: Logger
    private let state: Mutex<State>
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    /// Makes keys that are got when they are run.
    ///
    /// - Parameters:
    ///   - name: Where they come from, for logs.
    ///   - fetch: Gets the document, a JSON Web Key Set.
    package init(name: String, times: PublishedKeysTimes, logger: Logger, fetch: @escaping Fetch) {
        self.name = name
        self.times = times
        self.fetch = fetch
        self.logger = logger
        state = Mutex(State(keys: PublishedKeysState(name: name, times: times)))
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Changes each time that other keys were got.
    package var generation: UInt64 { state.withLock { $0.generation } }

    /// The key of a token, after one attempt to get it if it is not there.
    package func key(
        _ keyID: String?, _ algorithm: SigningAlgorithm
    ) async throws(AuthenticationRefusal) -> VerificationKey {
        var hasWaited = false
        while true {
            let step = state.withLock { state -> PublishedKeysState.Step in
                let step = state.keys.step(
                    keyID: keyID, algorithm: algorithm, hasWaited: hasWaited || state.hasEnded, now: .now())
                // Whoever comes while keys are on their way waits for those.
                if !hasWaited, state.isFetching, !state.hasEnded, case .refuse = step { return .wait }
                return step
            }
            switch step {
            case .use(let key): return key
            case .refuse(let refusal): throw refusal
            case .wait:
                await nextAttempt()
                hasWaited = true
            }
        }
    }

    /// Gets the keys, again and again, until the service is to end.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.attempt(isDue: true) }
                group.addTask { for await _ in self.wishes { await self.attempt(isDue: false) } }
                group.addTask {
                    while (try? await Task.sleep(for: self.times.refreshInterval)) != nil {
                        await self.attempt(isDue: true)
                    }
                }
            }
        }
        wish.finish()
        let waiting = state.withLock { state in
            state.hasEnded = true
            return state.takeWaiting()
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: Attempts

    private func nextAttempt() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard !state.hasEnded else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isOver { continuation.resume() } else { wish.yield() }
        }
    }

    /// Gets the keys, unless somebody is at it, or just was.
    private func attempt(isDue: Bool) async {
        let begins = state.withLock { state in
            guard !state.isFetching, isDue || state.keys.mayTry(.now()) else { return false }
            state.isFetching = true
            state.keys.begin(.now())
            return true
        }
        guard begins else {
            // Who waits for the attempt that runs is told at its end; without one, this was it.
            let waiting = state.withLock { $0.isFetching ? [] : $0.takeWaiting() }
            for continuation in waiting { continuation.resume() }
            return
        }
        let outcome: Result<KeySet, KeyError>
        do throws(KeyError) {
            outcome = .success(try await KeySet.jwks(try await fetch(times.timeout)))
        } catch {
            outcome = .failure(error)
        }
        let (waiting, isNews) = state.withLock { state in
            state.isFetching = false
            let isNews = state.take(outcome)
            return (state.takeWaiting(), isNews)
        }
        for continuation in waiting { continuation.resume() }
        if isNews, !Task.isCancelled { log(outcome) }
    }

    private func log(_ outcome: Result<KeySet, KeyError>) {
        switch outcome {
        case .success(let keys):
            logger.info("Keys for tokens: \(keys.keys.count) from \(name)")
        case .failure(let error):
            logger.warning(
                "Keys for tokens cannot be had from \(name): \(error.message). Those that are there are used for up to \(times.maximumAge.components.seconds) s"
            )
        }
    }
}

extension PublishedKeys.State {
    /// Those who wait; nobody does afterwards.
    fileprivate mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
        defer { waiting = [] }
        return waiting
    }

    /// Takes the outcome of an attempt; true if it is worth telling.
    fileprivate mutating func take(_ outcome: Result<KeySet, KeyError>) -> Bool {
        switch outcome {
        case .success(let new):
            let isNews = keys.failure != nil || !(keys.keys?.hasSameNames(as: new) ?? false)
            // Equal names do not make equal keys: what older ones verified is checked again.
            generation &+= 1
            keys.succeed(new, .now())
            return isNews
        case .failure(let error):
            let isNews = keys.failure == nil
            keys.fail(error.message)
            return isNews
        }
    }
}
