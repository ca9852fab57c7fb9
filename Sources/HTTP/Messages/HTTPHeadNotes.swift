// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What a responder found out from the head of a request, kept for later requests of the connection with the same head, byte for byte.
package final class HTTPHeadNotes: Sendable {
    private let kept = Mutex<(any AnyObject & Sendable)?>(nil)

    /// Makes notes without content.
    package init() {}

    /// What was kept, if it is of this type; else what the closure finds, which is kept in its place.
    package func value<Note: AnyObject & Sendable>(_ find: () -> Note) -> Note {
        if let note = kept.withLock({ $0 }) as? Note { return note }
        let note = find()
        kept.withLock { $0 = note }
        return note
    }
}
