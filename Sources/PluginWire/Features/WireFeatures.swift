// SPDX-License-Identifier: Apache-2.0

/// What both sides of a connection can do beyond the plugin contract.
///
/// Nothing of it is sent to a peer that has not announced it; what is received is understood in any case.
package struct WireFeatures: OptionSet, Sendable, Hashable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Integers beyond 2^53, and doubles that are whole numbers, arrive as what they are.
    package static let losslessNumbers = WireFeatures(rawValue: 1)
    /// `user_context` and `content_type` of the context travel.
    package static let contextFields = WireFeatures(rawValue: 2)

    /// Any number of calls share a raw socket, or a stream of gRPC, in frames that name their call.
    package static let multiplexedFrames = WireFeatures(rawValue: 4)

    /// Several plugins of one hook run in one request.
    package static let chainPushDown = WireFeatures(rawValue: 8)

    /// Everything that this version can do in the contract's messages, whatever carries them.
    package static let all: WireFeatures = [.losslessNumbers, .contextFields, .chainPushDown]

    /// Everything that this version can do on a raw socket.
    package static let overSocket: WireFeatures = all.union(.multiplexedFrames)

    /// The features as peers name them.
    private static let named: [(feature: WireFeatures, name: String, version: UInt32)] = [
        (.losslessNumbers, "lossless_numbers", 1),
        (.contextFields, "context_fields", 1),
        (.multiplexedFrames, "multiplexed_frames", 1),
        (.chainPushDown, "chain_push_down", 1),
    ]

    /// The features of these that a peer has announced in a version that is known here.
    package init(announced: [PeerDescription.Feature]) {
        self = []
        for known in Self.named
        where announced.contains(where: { $0.version == known.version && Array($0.name.utf8) == Array(known.name.utf8) }
        ) {
            insert(known.feature)
        }
    }

    /// Whether chains can go in one request: they are exact only if everything in them arrives as it is.
    package var carriesChains: Bool { isSuperset(of: [.losslessNumbers, .contextFields, .chainPushDown]) }

    /// The features as they are announced.
    package var announcement: [PeerDescription.Feature] {
        Self.named.filter { contains($0.feature) }.map { PeerDescription.Feature(name: $0.name, version: $0.version) }
    }
}
