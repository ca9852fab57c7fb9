// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What a peer of this product says of itself: the request and the answer of `gatehouse.v1.Peer/Describe`.
package struct PeerDescription: WireMessage, Equatable {
    /// The path of the method.
    package static let path = "/gatehouse.v1.Peer/Describe"
    /// The full name of the service.
    package static let serviceName = "gatehouse.v1.Peer"

    /// Something that a peer can do beyond the plugin contract.
    package struct Feature: Sendable, Equatable {
        /// The feature's name, the same in all versions.
        package var name: String
        /// How it is done; other versions are other features.
        package var version: UInt32

        package init(name: String, version: UInt32) {
            self.name = name
            self.version = version
        }
    }

    /// The product's name, for people.
    package var product: String
    /// The product's version, for people.
    package var version: String
    /// What it can do.
    package var features: [Feature]

    /// Makes a description; without arguments that of this product.
    package init(
        product: String = "gatehouse", version: String = "", features: [Feature] = WireFeatures.all.announcement
    ) {
        self.product = product
        self.version = version
        self.features = features
    }

    package init(decoding bytes: ByteBuffer) throws(WireError) {
        self = try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            var description = PeerDescription(product: "", features: [])
            try reader.decodePeer(into: &description)
            return description
        }
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        var writer = WireWriter()
        writer.peerContent(self)
        writer.finish(into: &buffer)
    }
}

extension WireWriter {
    /// The fields of a description.
    mutating func peerContent(_ peer: PeerDescription) {
        for feature in peer.features.reversed() {
            let before = count
            if feature.version != 0 {
                varint(UInt64(feature.version))
                tag(2, .varint)
            }
            field(1, feature.name)
            close(3, since: before)
        }
        field(2, peer.version)
        field(1, peer.product)
    }
}

extension WireReader {
    /// Decodes the rest of this message, a description, on top of what was received before.
    mutating func decodePeer(into description: inout PeerDescription) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited): description.product = try string("product")
            case WireTag(2, .lengthDelimited): description.version = try string("version")
            case WireTag(3, .lengthDelimited):
                var feature = PeerDescription.Feature(name: "", version: 0)
                try message("features") { (content: inout WireReader) throws(WireError) in
                    try content.decodeFeature(into: &feature)
                }
                description.features.append(feature)
            default: try skip(tag)
            }
        }
    }

    fileprivate mutating func decodeFeature(into feature: inout PeerDescription.Feature) throws(WireError) {
        while let tag = try nextTag() {
            switch tag {
            case WireTag(1, .lengthDelimited): feature.name = try string("name")
            case WireTag(2, .varint): feature.version = UInt32(truncatingIfNeeded: try varint())
            default: try skip(tag)
            }
        }
    }
}
