// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

@Suite struct HealthRegistryTests {
    /// Anybody may ask for any name, and go away.
    @Test func namesAreKeptNoLongerThanTheirWatchers() async {
        let registry = HealthRegistry()
        for number in 0..<1_000 { _ = registry.watch("no such service \(number)") }
        var held = registry.watch("held").makeAsyncIterator()
        #expect(registry.watchedNames == 1)
        #expect(await held.next() == .serviceUnknown)
        registry.set("held", .serving)
        #expect(await held.next() == .serving)
        registry.shutDown()
        #expect(await held.next() == .notServing)
        #expect(await held.next() == nil)
        #expect(registry.watchedNames == 0)
    }
}
