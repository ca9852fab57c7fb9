// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Gateway

@Suite struct ToldReasonsTests {
    @Test("Reasons that take turns are told once each, and the oldest of many may be told again")
    func reasons() {
        var told = ToldReasons()
        let wereTold = ["refused", "timeout", "refused", "timeout"].map { told.note($0) }
        #expect(wereTold == [false, false, true, true])
        for number in 0..<8 { _ = told.note("session \(number) is lost") }
        let isKnown = told.note("session 7 is lost")
        let wasForgotten = !told.note("refused")
        #expect(isKnown && wasForgotten)
    }
}
