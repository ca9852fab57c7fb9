// SPDX-License-Identifier: Apache-2.0

package import PluginFramework
package import Values

// What a caller puts back into an answer that came from a peer which cannot carry it.
extension PluginResult {
    /// Puts numbers back into the changed payload that the way over google.protobuf.Struct made others.
    package mutating func restoreNumbers(of payload: Document, _ features: WireFeatures) {
        if !features.contains(.losslessNumbers), let change = modifiedPayload,
            NumberRestoration.isFragile(payload.value),
            let restored = NumberRestoration.restore(change.value, from: payload.value)
        {
            modifiedPayload = Document(restored)
        }
    }
}

extension ContextValues {
    /// Puts back what was lost on the way: numbers, and what the contract has no place for.
    package mutating func complete(from sent: ContextValues, _ features: WireFeatures) {
        if !features.contains(.contextFields) {
            global.userContext = sent.global.userContext
            global.contentType = sent.global.contentType
        }
        guard !features.contains(.losslessNumbers) else { return }
        if let restored = NumberRestoration.restore(state, from: sent.state) { state = restored }
        if let restored = NumberRestoration.restore(metadata, from: sent.metadata) { metadata = restored }
        if let restored = NumberRestoration.restore(global.state, from: sent.global.state) { global.state = restored }
        if let restored = NumberRestoration.restore(global.metadata, from: sent.global.metadata) {
            global.metadata = restored
        }
        if let user = global.user, let original = sent.global.user {
            global.user = NumberRestoration.restore(user, from: original) ?? user
        }
    }
}
