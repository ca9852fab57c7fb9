// SPDX-License-Identifier: Apache-2.0

import Authentication
import ModelContextProtocol
import Values

/// Seals states that clients bring back, and opens them: `requestState` of MCP 2026-07-28.
///
/// What a client holds it may read, keep, copy and change; whatever comes back is an attacker's text until it has been opened. A
/// state is good for the principal, the virtual server, the request and the time that it was made for, and nowhere else. It is
/// `version, nonce, time of issue, time of expiry, payload, code` in base64url; the code is HMAC-SHA256 over all of these
/// and over what the state is bound to.
struct RequestStateSeal: Sendable {
    /// The longest state of an upstream that is handed on, in bytes.
    static let longestState = 256 << 10
    /// The longest text that is looked at at all.
    private static let longestText = 512 << 10
    private static let version: UInt8 = 1
    private static let nonceSize = 16
    private static let headSize = 1 + nonceSize + 16
    /// How far the clocks of gateways that share a key may be apart, in seconds.
    private static let clockSkew: Int64 = 60

    let key: RequestStateKey
    /// How long a state is good, in seconds.
    let lifetime: Int64
    let clock: WallClock

    init(key: RequestStateKey, lifetime: Duration, clock: WallClock = .system) {
        self.key = key
        self.lifetime = max(1, lifetime.components.seconds)
        self.clock = clock
    }

    /// The text that the client gets.
    func seal(_ state: RequestState, for binding: RequestBinding) -> String {
        let now = clock.now
        var random = SystemRandomNumberGenerator()
        var bytes = [Self.version]
        for _ in 0..<Self.nonceSize / 8 { bytes += random.next().bigEndianBytes }
        bytes += UInt64(bitPattern: now).bigEndianBytes
        bytes += UInt64(bitPattern: now + lifetime).bigEndianBytes
        bytes += state.value.description.utf8
        return Base64.url.encode(bytes + key.code(of: bytes + binding.digest))
    }

    /// The state in a text that a client sent.
    ///
    /// - Throws: Why it is none of ours, or not for this request; for the log, not for the client.
    func open(_ text: String, for binding: RequestBinding) throws(RequestStateFault) -> RequestState {
        guard text.utf8.count <= Self.longestText, let bytes = Base64.url.decode(text.utf8),
            bytes.count > Self.headSize + RequestStateKey.codeSize, bytes[0] == Self.version
        else { throw .malformed }
        let signed = Array(bytes.dropLast(RequestStateKey.codeSize))
        guard key.confirms(Array(bytes.suffix(RequestStateKey.codeSize)), of: signed + binding.digest) else {
            throw .notOurs
        }
        let times = signed[(1 + Self.nonceSize)..<Self.headSize]
        let issued = Int64(bitPattern: UInt64(bigEndian: times.prefix(8)))
        let expiry = Int64(bitPattern: UInt64(bigEndian: times.suffix(8)))
        let now = clock.now
        guard issued <= now + Self.clockSkew, now < expiry else { throw .expired }
        guard let value = try? JSONParser.decode(signed[Self.headSize...]), let state = RequestState(value) else {
            throw .malformed
        }
        return state
    }
}

/// Why a state that a client brought back is not taken.
enum RequestStateFault: String, Error, Sendable {
    /// It is no state.
    case malformed = "it is no state of this gateway's making"
    /// Its code is wrong: it was altered, or made under another key, for another principal, server or request.
    case notOurs = "it was altered, or made for another principal, server or request, or under another key"
    /// Its time is over.
    case expired = "its time is over"
    /// What it stands for is no longer there.
    case gone = "the call that it stands for is over, or held by another gateway"
    /// The request has meanwhile become one to another upstream.
    case otherServer = "the request goes to another server than the one that asked"

    /// What the client is told: the same whatever is wrong, because it may be somebody who tries.
    var error: JSONRPCError {
        JSONRPCError(
            code: JSONRPCError.invalidParamsCode,
            message: "Invalid or expired requestState; send the request anew, without requestState and inputResponses",
            data: ["reason": "invalid_request_state"])
    }
}
