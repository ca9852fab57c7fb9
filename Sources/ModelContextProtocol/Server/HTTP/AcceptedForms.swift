// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import NIOHTTP1
internal import Values

/// In which forms a client takes an answer, by its `Accept` header (RFC 9110, section 12.5.1).
struct AcceptedForms: Equatable {
    /// A JSON body.
    var json: Bool
    /// A stream of events.
    var events: Bool

    private static let usual = "application/json, text/event-stream"

    /// Reads the header; without one, every form is accepted.
    ///
    /// Order, case, parameters and wildcards are as in HTTP; a quality of 0 refuses a form.
    init(_ headers: HTTPHeaders) {
        json = true
        events = true
        guard let first = headers.value("accept") else { return }
        // What clients of MCP are told to send, and nearly all do; what other fields add could only be of lower rank.
        if first.hasSameBytes(as: Self.usual) { return }
        json = false
        events = false
        // The most specific range decides: a type, then `type/*`, then `*/*`.
        var jsonRank = 0
        var eventsRank = 0
        headers.forEachListElement("accept") { range in
            let isWanted = Self.isWanted(range)
            let essence = range.mediaEssence
            let forJSON = Self.rank(essence, "application/json", "application/*")
            if forJSON > jsonRank { (jsonRank, json) = (forJSON, isWanted) }
            let forEvents = Self.rank(essence, "text/event-stream", "text/*")
            if forEvents > eventsRank { (eventsRank, events) = (forEvents, isWanted) }
        }
    }

    /// Whether the range has no quality of 0; the last `q` counts.
    private static func isWanted(_ range: UnsafeBufferPointer<UInt8>.SubSequence) -> Bool {
        guard var parameter = range.firstIndex(of: UInt8(ascii: ";")) else { return true }
        var isWanted = true
        while parameter < range.endIndex {
            let rest = range[(parameter + 1)...]
            let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
            var bytes = rest[..<end].lazy.filter { !$0.isBlank }.makeIterator()
            if let name = bytes.next(), name | 0x20 == UInt8(ascii: "q"), bytes.next() == UInt8(ascii: "=") {
                // "0", "0." and "0.000" are the ways to write zero.
                isWanted = false
                while let byte = bytes.next() {
                    if byte != UInt8(ascii: "0"), byte != UInt8(ascii: ".") { isWanted = true }
                }
            }
            parameter = end
        }
        return isWanted
    }

    private static func rank(
        _ essence: UnsafeBufferPointer<UInt8>.SubSequence, _ type: StaticString, _ family: StaticString
    ) -> Int {
        if essence.isSameIgnoringCaseAndBlanks(as: type) { return 3 }
        if essence.isSameIgnoringCaseAndBlanks(as: family) { return 2 }
        return essence.isSameIgnoringCaseAndBlanks(as: "*/*") ? 1 : 0
    }
}

extension HTTPHeaders {
    /// Whether the body is JSON by its `Content-Type`, whatever its case and parameters.
    var hasJSONBody: Bool { hasContentType("application/json") }

    /// Whether the body is a stream of events by its `Content-Type`, whatever its case and parameters.
    var isEventStream: Bool { hasContentType("text/event-stream") }

    /// Whether the first `Content-Type` is of this type, which is to be in lower case.
    private func hasContentType(_ type: StaticString) -> Bool {
        guard var value = value("content-type") else { return false }
        return value.withUTF8 { $0[...].mediaEssence.isSameIgnoringCaseAndBlanks(as: type) }
    }

    /// Calls the closure for each part of a comma-separated list in the fields of this name.
    fileprivate func forEachListElement(
        _ name: String, _ body: (UnsafeBufferPointer<UInt8>.SubSequence) -> Void
    ) {
        forEachValue(name) { value in
            var value = value
            value.withUTF8 { bytes in
                for part in bytes.split(separator: UInt8(ascii: ",")) { body(part) }
            }
        }
    }
}

extension UInt8 {
    /// Whether it is a space or a tab.
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }
}

extension UnsafeBufferPointer<UInt8>.SubSequence {
    /// A media type without its parameters.
    fileprivate var mediaEssence: Self { self[..<(firstIndex(of: UInt8(ascii: ";")) ?? endIndex)] }

    /// Whether it is this text, which is to be in lower case, passing over spaces and tabs.
    fileprivate func isSameIgnoringCaseAndBlanks(as text: StaticString) -> Bool {
        var position = 0
        for byte in self where !byte.isBlank {
            guard position < text.utf8CodeUnitCount else { return false }
            let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            guard lower == text.utf8Start[position] else { return false }
            position += 1
        }
        return position == text.utf8CodeUnitCount
    }
}
