// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// One frame between peers of ours: `[kind, 1 byte][call, 4 bytes big-endian][body]`.
///
/// Any number of calls is in flight at a time, each under a number of the client's choice that it does not use twice. Pure, and
/// without the length of a frame: on a raw socket that stands in front of it, in a stream of messages each message is a frame.
package struct TaggedFrame: Sendable, Equatable {
    /// What a frame is.
    package struct Kind: RawRepresentable, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// To the server: how many milliseconds are left (4 bytes big-endian, 0 for no limit), then an InvokeHookRequest.
        package static let invokeHook = Kind(rawValue: 1)
        /// To the server: a GetPluginConfigRequest.
        package static let getPluginConfig = Kind(rawValue: 2)
        /// To the server: a GetPluginConfigsRequest.
        package static let getPluginConfigs = Kind(rawValue: 3)
        /// To the server: how many milliseconds are left, as with a hook, then an InvokeChainRequest (`chain_push_down`).
        package static let invokeChain = Kind(rawValue: 4)
        /// To the server: nobody waits for the call's answer any more; without a body.
        package static let cancel = Kind(rawValue: 16)
        /// To the client: the response to the call's request.
        package static let answer = Kind(rawValue: 32)
        /// To the client: the call was not begun; the body says why, as text.
        package static let refusal = Kind(rawValue: 33)
        /// To the client: calls above this number were not begun and will not be; without a body.
        package static let goAway = Kind(rawValue: 34)
    }

    /// Whether the caller's time limit stands before the request.
    package static func hasTimeLimit(_ kind: Kind) -> Bool { kind == .invokeHook || kind == .invokeChain }

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

    /// Reads a whole frame.
    ///
    /// - Throws: ``WireError`` when it has no head. A kind that is not known is not an error here.
    package init(decoding frame: ByteBuffer) throws(WireError) {
        var frame = frame
        guard let kind = frame.readInteger(as: UInt8.self), let call = frame.readInteger(as: UInt32.self) else {
            throw WireError(.truncated, "is shorter than the \(Self.headLength) bytes that a frame begins with")
        }
        self.init(Kind(rawValue: kind), call: call, body: frame)
    }

    /// Appends what stands before the body.
    package static func writeHead(_ kind: Kind, call: UInt32, into buffer: inout ByteBuffer) {
        buffer.writeInteger(kind.rawValue)
        buffer.writeInteger(call)
    }
}

extension ByteBuffer {
    /// Appends a frame with its length in front: what the closure appends.
    package mutating func writeFrame(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        writeInteger(0 as UInt32)
        body(&self)
        setInteger(UInt32(writerIndex - start - FrameReader.prefixLength), at: start)
    }
}
