// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Random numbers that a seed determines (SplitMix64), so that a failure can be repeated.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Makes the generator of a seed.
    package init(seed: UInt64) {
        state = seed
    }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// True once in so many times.
    package mutating func chance(oneIn count: Int) -> Bool {
        Int.random(in: 0..<count, using: &self) == 0
    }

    /// The seeds of this run: a few that never change, and one of its own.
    ///
    /// `GATEHOUSE_SEED` repeats a failed run.
    package static let seeds: [UInt64] = {
        if let text = ProcessInfo.processInfo.environment["GATEHOUSE_SEED"], let seed = UInt64(text) { return [seed] }
        return [1, 2, 3, UInt64.random(in: 0...UInt64.max)]
    }()
}
