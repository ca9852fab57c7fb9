// SPDX-License-Identifier: Apache-2.0

package import Logging
import NIOCore
import Synchronization

/// The gateway's own token for a service, got when it is needed and again before it ends.
///
/// One request at a time, whoever waits; a failure is remembered for a second, so that a server that refuses is not asked by
/// every call.
package final class UpstreamToken: Sendable {
    /// How long before its end a token is not used any more; at most half of its life.
    private static let margin: Int64 = 30
    private static let failureMemory: TimeAmount = .seconds(1)

    private struct State {
        var token: String?
        var freshUntil: NIODeadline = .distantPast
        var failure: (error: KeyError, until: NIODeadline)?
        var isFetching = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let credentials: ClientCredentials
    private let client: SecureClient
    private let logger: Logger
    private let state = Mutex(State())

    /// Makes a token that is got when it is first asked for.
    package init(_ credentials: ClientCredentials, client: SecureClient, logger: Logger) {
        self.credentials = credentials
        self.client = client
        self.logger = logger
    }

    /// A token that is good now.
    ///
    /// - Throws: Why there is none, with the endpoint's name.
    package func current() async throws(KeyError) -> String {
        while true {
            switch next() {
            case .token(let token): return token
            case .failure(let error): throw error
            case .wait: await attemptOfAnother()
            case .fetch: return try await fetch()
            }
        }
    }

    /// The service did not take this token: another one is got, unless that was done already.
    package func reject(_ token: String) {
        state.withLock { state in
            if state.token?.utf8.elementsEqual(token.utf8) ?? false { state.token = nil }
        }
    }

    private enum Step {
        case token(String), failure(KeyError), wait, fetch
    }

    private func next() -> Step {
        state.withLock { state in
            let now = NIODeadline.now()
            if let token = state.token, now < state.freshUntil { return .token(token) }
            if let failure = state.failure, now < failure.until { return .failure(failure.error) }
            guard !state.isFetching else { return .wait }
            state.isFetching = true
            return .fetch
        }
    }

    private func attemptOfAnother() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard state.isFetching else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Gets a token; whoever got it may use it, however short its life, or a server that grants none would be asked for ever.
    private func fetch() async throws(KeyError) -> String {
        let outcome: Result<TokenRequest.Granted, KeyError>
        do throws(KeyError) {
            let (status, body) = try await client.exchange(
                TokenRequest.request(credentials), timeout: credentials.timeout,
                maximumSize: TokenRequest.maximumAnswerSize)
            outcome = .success(try TokenRequest.read(status, body))
        } catch {
            outcome = .failure(KeyError("no token from \(credentials.endpoint): \(error.message)"))
        }
        let isCancelled = Task.isCancelled
        let waiting = state.withLock { state in
            state.isFetching = false
            switch outcome {
            case .success(let granted):
                let lifetime = max(granted.lifetime - Self.margin, granted.lifetime / 2)
                state.token = granted.token
                state.freshUntil = .now() + .seconds(lifetime)
                state.failure = nil
            case .failure(let error):
                // That one caller went away is no failure of the server: whoever waits tries for himself.
                if !isCancelled { state.failure = (error, .now() + Self.failureMemory) }
            }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
        switch outcome {
        case .success(let granted): return granted.token
        case .failure(let error):
            if !isCancelled { logger.warning("\(error.message)") }
            throw error
        }
    }
}
