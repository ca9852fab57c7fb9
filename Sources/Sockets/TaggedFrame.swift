// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// One frame between peers of ours whose calls share a way: `[kind, 1 byte][call, 4 bytes big-endian][body]`.
///
/// Any number of calls is in flight at a time, each under a number of the client's choice that it does not use twice. Pure, and
/// without the length of a frame: on a raw socket that stands in front of it, in a stream of gRPC each message is a frame.
package struct TaggedFrame: Sendable, Equatable {
    /// What a frame is.
    ///
    /// Kinds below 16 begin calls; what they ask for is for those to say who send them.
    package struct Kind: RawRepresentable, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// To the server: nobody waits for the call's answer any more; without a body.
        package static let cancel = Kind(rawValue: 16)
        /// To the client: the response to the call's request.
        package static let answer = Kind(rawValue: 32)
        /// To the client: the call was not begun; the body says why, as text.
        package static let refusal = Kind(rawValue: 33)
        /// To the client: calls above this number were not begun and will not be; without a body.
        package static let goAway = Kind(rawValue: 34)
        /// To the client: the call ended with a status instead of a response; the body is its code (1 byte) and its message.
        package static let status = Kind(rawValue: 35)
    }

    /// The bytes before the body.
    package static let headLength = 5

    /// What it is.
    package var kind: Kind
    /// The call that it belongs to.
    package var call: UInt32
    /// The rest.
    package var body: ByteBuffer

    /// Makes a frame.
    package init(_ kind: Kind, call: UInt32, body: ByteBuffer = ByteBuffer()) {
        self.kind = kind
        self.call = call
        self.body = body
    }

    /// Reads a whole frame; nil when it is shorter than ``headLength``.
    ///
    /// A kind that is not known is not an error here.
    package init?(decoding frame: ByteBuffer) {
        var frame = frame
        guard let (kind, call) = frame.readMultipleIntegers(as: (UInt8, UInt32).self) else {
            return nil
        }
        self.init(Kind(rawValue: kind), call: call, body: frame)
    }

    /// Appends what stands before the body.
    package static func writeHead(_ kind: Kind, call: UInt32, into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(kind.rawValue, call)
    }
}
