// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import Testing
import Values

@testable import Authentication

@Suite("When published keys are fetched")
struct PublishedKeysStateTests {
    private var times: PublishedKeysTimes {
        var times = PublishedKeysTimes()
        times.minimumInterval = .seconds(30)
        times.maximumAge = .seconds(3_600)
        return times
    }

    private func keys(_ names: String...) async throws -> KeySet {
        try await .jwks(
            Array(Value.object(["keys": .array(names.map { TestKeys.p256Entry(kid: $0) })]).description.utf8))
    }

    private func step(
        _ state: PublishedKeysState, _ keyID: String, hasWaited: Bool = false, at now: NIODeadline
    ) -> String {
        switch state.step(keyID: keyID, algorithm: .es256, hasWaited: hasWaited, now: now) {
        case .use(let key): key.keyID ?? "-"
        case .wait: "wait"
        case .refuse(let refusal): "\(refusal.status)"
        }
    }

    @Test("An unknown name leads to one fetch in each interval, and keys are used while they cannot be fetched")
    func fetches() async throws {
        var state = PublishedKeysState(name: "url", times: times)
        let start = NIODeadline.now()
        #expect(step(state, "a", at: start) == "wait")
        state.begin(start)
        state.fail("refused")
        #expect(step(state, "a", hasWaited: true, at: start) == "503")
        #expect(step(state, "a", at: start + .seconds(29)) == "503", "not again so soon")
        #expect(step(state, "a", at: start + .seconds(30)) == "wait")
        state.begin(start + .seconds(30))
        state.succeed(try await keys("a"), start + .seconds(30))
        #expect(step(state, "a", at: start + .seconds(31)) == "a")
        #expect(step(state, "b", at: start + .seconds(31)) == "401", "an invented name fetches nothing")
        #expect(step(state, "b", at: start + .seconds(60)) == "wait", "a new name is looked for")
        #expect(step(state, "b", hasWaited: true, at: start + .seconds(60)) == "401")
        state.begin(start + .seconds(60))
        state.fail("refused")
        #expect(step(state, "a", at: start + .seconds(3_629)) == "a", "known keys outlive failures")
        #expect(step(state, "a", at: start + .seconds(3_630)) == "wait", "but not for ever")
        #expect(step(state, "a", hasWaited: true, at: start + .seconds(3_630)) == "503")
    }
}

/// A publisher of keys that tests change.
private final class TestPublisher: Sendable {
    struct State {
        var document: Result<[UInt8], KeyError> = .failure(KeyError("is down"))
        var fetches = 0
        var gate: [CheckedContinuation<Void, Never>] = []
        var isHeld = false
    }

    let state = Mutex(State())

    func publish(_ entries: Value...) {
        state.withLock { $0.document = .success(Array(Value.object(["keys": .array(entries)]).description.utf8)) }
    }

    func fail() { state.withLock { $0.document = .failure(KeyError("is down")) } }

    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        let gate = state.withLock { state in
            defer { (state.gate, state.isHeld) = ([], false) }
            return state.gate
        }
        for continuation in gate { continuation.resume() }
    }

    var fetches: Int { state.withLock { $0.fetches } }
    var isFetching: Bool { state.withLock { !$0.gate.isEmpty } }

    func fetch() async throws(KeyError) -> [UInt8] {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                state.fetches += 1
                guard state.isHeld else { return true }
                state.gate.append(continuation)
                return false
            }
            if passes { continuation.resume() }
        }
        return try state.withLock { $0.document }.get()
    }
}

@Suite("Published keys")
struct PublishedKeysTests {
    /// Runs keys while the body runs.
    private func withKeys(
        _ publisher: TestPublisher, minimumInterval: Duration, _ body: (PublishedKeys) async throws -> Void
    ) async throws {
        var times = PublishedKeysTimes()
        times.minimumInterval = minimumInterval
        let keys = PublishedKeys(name: "test", times: times, logger: Logger(label: "test")) {
            _ async throws(KeyError) in
            try await publisher.fetch()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keys.run() }
            do {
                try await body(keys)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
        // Afterwards nobody waits.
        publisher.fail()
        await #expect(throws: AuthenticationRefusal.self) { try await keys.key("never published", .es256) }
    }

    @Test("Many tokens that need keys at once lead to one fetch, and a new key is found when a token names it")
    func rotation() async throws {
        let publisher = TestPublisher()
        publisher.publish(TestKeys.p256Entry(kid: "a"))
        publisher.hold()
        try await withKeys(publisher, minimumInterval: .zero) { keys async throws in
            try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<50 { group.addTask { try await keys.key("a", .es256).keyID } }
                while !publisher.isFetching { await Task.yield() }
                publisher.release()
                for try await name in group { #expect(name == "a") }
            }
            // One of them may have come when the fetch was just over.
            #expect(publisher.fetches <= 2)
            let before = (keys.generation, publisher.fetches)
            #expect(try await keys.key("a", .es256).keyID == "a")
            #expect((keys.generation, publisher.fetches) == before, "a known key is fetched once")
            publisher.publish(TestKeys.p256Entry(kid: "a"), TestKeys.p256Entry(TestKeys.otherP256, kid: "b"))
            #expect(try await keys.key("b", .es256).keyID == "b")
            #expect(keys.generation > before.0)
            publisher.publish(TestKeys.p256Entry(TestKeys.otherP256, kid: "b"))
            await #expect(throws: AuthenticationRefusal.self) { try await keys.key("c", .es256) }
            await #expect(throws: AuthenticationRefusal.self, "a key that was withdrawn is not used any more") {
                try await keys.key("a", .es256)
            }
        }
    }

    @Test("Invented names do not make the gateway ask again and again")
    func inventedNames() async throws {
        let publisher = TestPublisher()
        publisher.publish(TestKeys.p256Entry(kid: "a"))
        try await withKeys(publisher, minimumInterval: .seconds(1_000)) { keys async throws in
            #expect(try await keys.key("a", .es256).keyID == "a")
            for number in 0..<100 {
                let error = await #expect(throws: AuthenticationRefusal.self) {
                    try await keys.key("x\(number)", .es256)
                }
                #expect(error?.status == 401)
            }
            #expect(publisher.fetches == 1)
        }
    }

    @Test("Keys that were fetched are used while their publisher is down; without any the answer is 503")
    func outage() async throws {
        let publisher = TestPublisher()
        try await withKeys(publisher, minimumInterval: .zero) { keys async throws in
            let error = await #expect(throws: AuthenticationRefusal.self) { try await keys.key("a", .es256) }
            #expect(error?.status == 503 && error?.detail == "test: is down")
            publisher.publish(TestKeys.p256Entry(kid: "a"))
            #expect(try await keys.key("a", .es256).keyID == "a")
            publisher.fail()
            await #expect(throws: AuthenticationRefusal.self) { try await keys.key("b", .es256) }
            #expect(try await keys.key("a", .es256).keyID == "a")
        }
    }

    @Test("A token's signature is checked again when keys were replaced")
    func forgets() async throws {
        let publisher = TestPublisher()
        publisher.publish(TestKeys.p256Entry(kid: "a"))
        try await withKeys(publisher, minimumInterval: .zero) { keys async throws in
            let authenticator = JWTAuthenticator(issuers: [TokenIssuer(name: "i", audiences: ["g"], keys: keys)])
            let token = BearerToken(
                try TestToken.es256(
                    #"{"iss":"i","aud":"g","sub":"alice","exp":4000000000}"#, header: #"{"alg":"ES256","kid":"a"}"#))
            // Twice: what is verified while the keys are on their way is not remembered.
            for _ in 0..<2 { #expect(try await authenticator.authenticate(token)?.subject == "alice") }
            #expect(authenticator.recognize(token) != nil)
            // The same name, another key.
            publisher.publish(TestKeys.p256Entry(TestKeys.otherP256, kid: "a"))
            await #expect(throws: AuthenticationRefusal.self) { try await keys.key("b", .es256) }
            #expect(authenticator.recognize(token) == nil)
            await #expect(throws: AuthenticationRefusal.self) { try await authenticator.authenticate(token) }
        }
    }
}
