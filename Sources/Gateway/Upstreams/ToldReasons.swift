// SPDX-License-Identifier: Apache-2.0

import Values

/// Which reasons for a server to be down were told since it was up last: the same words every half minute help nobody.
struct ToldReasons {
    /// Few, because some reasons name something else each time.
    private static let most = 8

    private var reasons: [String] = []

    /// Notes a reason; says whether it was told already.
    mutating func note(_ reason: String) -> Bool {
        guard !reasons.contains(where: reason.hasSameBytes(as:)) else { return true }
        if reasons.count == Self.most { reasons.removeFirst() }
        reasons.append(reason)
        return false
    }
}
