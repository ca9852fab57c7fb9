// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The first frame of a peer of ours on a raw socket, and the answer to it: what `gatehouse.v1.Peer/Describe` says over gRPC.
///
/// Its one field lies outside the numbers of the contract: another server of it finds no request that it knows, and answers with
/// an error, code `UNKNOWN_MESSAGE`.
package struct PeerHello: WireMessage, Equatable {
    /// What the peer says of itself.
    package var peer: PeerDescription

    private static let field: UInt32 = 1_000

    /// Makes a hello; without an argument that of this product on a raw socket.
    package init(_ peer: PeerDescription = PeerDescription(features: WireFeatures.overSocket.announcement)) {
        self.peer = peer
    }

    /// Decodes a hello.
    ///
    /// - Throws: ``WireError``; with code `missing` when the message is another.
    package init(decoding bytes: ByteBuffer) throws(WireError) {
        var description: PeerDescription?
        try bytes.withWireReader { (reader: inout WireReader) throws(WireError) in
            while let tag = try reader.nextTag() {
                if tag == WireTag(Self.field, .lengthDelimited) {
                    var peer = description ?? PeerDescription(product: "", features: [])
                    try reader.message("peer") { (content: inout WireReader) throws(WireError) in
                        try content.decodePeer(into: &peer)
                    }
                    description = peer
                } else {
                    try reader.skip(tag)
                }
            }
        }
        guard let description else { throw WireError(.missing, "this is no hello of a peer", path: ["peer"]) }
        peer = description
    }

    package func encode(into buffer: inout ByteBuffer) throws(WireError) {
        var writer = WireWriter()
        let before = writer.count
        writer.peerContent(peer)
        writer.close(Self.field, since: before)
        writer.finish(into: &buffer)
    }
}
