// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
internal import Values

/// The envelope that was read last: a client says the same of itself with nearly all of its requests.
///
/// It is kept for one connection and one endpoint, and found by the bytes it was read from: nobody gets what another has said.
final class EnvelopeMemo: Sendable {
    /// Longer ones are read anew with each request.
    private static let longest = 2 << 10

    private struct Kept {
        let text: EncodedJSON
        let envelope: MCPRequestEnvelope
    }

    private let kept = Mutex<Kept?>(nil)

    /// The envelope that was read from the same bytes.
    func find(_ meta: Document) -> MCPRequestEnvelope? {
        guard let text = meta.encoded as? EncodedJSON, let last = kept.withLock({ $0 }) else { return nil }
        return last.text.hasSameText(as: text) ? last.envelope : nil
    }

    /// Keeps what was read from these bytes, without the message that they are part of.
    func keep(_ envelope: MCPRequestEnvelope) {
        guard let text = envelope.meta.encoded as? EncodedJSON, text.count <= Self.longest else { return }
        let own = text.detached
        let copy = MCPRequestEnvelope(revision: envelope.revision, meta: Document(encoded: own), isForMany: true)
        kept.withLock { $0 = Kept(text: own, envelope: copy) }
    }
}
