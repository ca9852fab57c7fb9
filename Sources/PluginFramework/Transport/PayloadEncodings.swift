// SPDX-License-Identifier: Apache-2.0

import Synchronization
package import Values

/// The encoded forms of one payload, kept for all plugins that get it unchanged.
///
/// A payload is written once for each kind of receiver, however many plugins it goes to.
package final class PayloadEncodings: Sendable {
    private let kept = Mutex<[(kind: UInt64, document: Document)]>([])

    /// Makes a place without any.
    package init() {}

    /// The payload in the form for a kind of receiver; made when it is first asked for.
    ///
    /// - Parameters:
    ///   - kind: Tells forms apart, whatever the transport takes for it.
    ///   - make: Encodes it.
    package func document<Failure: Error>(
        for kind: UInt64, make: () throws(Failure) -> Document
    ) throws(Failure) -> Document {
        if let known = kept.withLock({ kept in kept.first { $0.kind == kind } }) { return known.document }
        // Outside the lock: two who come first at the same time both encode it, which does no harm.
        let document = try make()
        kept.withLock { $0.append((kind, document)) }
        return document
    }
}
