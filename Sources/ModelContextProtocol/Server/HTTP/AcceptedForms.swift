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

    static let json: StaticString = "application/json"
    static let events: StaticString = "text/event-stream"

    /// Reads the header; without one, every form is accepted.
    ///
    /// Order, case, parameters and wildcards are as in HTTP; a quality of 0 refuses a form.
    init(_ headers: HTTPHeaders) {
        json = false
        events = false
        guard headers.value("accept") != nil else {
            json = true
            events = true
            return
        }
        // The most specific range decides: a type, then `type/*`, then `*/*`.
        var jsonRank = 0
        var eventsRank = 0
        for value in headers[canonicalForm: "accept"] {
            for range in value.utf8.split(separator: UInt8(ascii: ",")) {
                let (type, isWanted) = Self.read(range)
                let forJSON = Self.rank(type, "application", "json")
                if forJSON > jsonRank { (jsonRank, json) = (forJSON, isWanted) }
                let forEvents = Self.rank(type, "text", "event-stream")
                if forEvents > eventsRank { (eventsRank, events) = (forEvents, isWanted) }
            }
        }
    }

    private static func read(_ range: Substring.UTF8View) -> (type: String, isWanted: Bool) {
        let parts = range.split(separator: UInt8(ascii: ";"))
        guard let first = parts.first else { return ("", false) }
        var isWanted = true
        for parameter in parts.dropFirst() {
            let text = String(decoding: parameter.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
            guard text.hasPrefix("q=") else { continue }
            // "0", "0." and "0.000" are the ways to write zero.
            isWanted = !text.utf8.dropFirst(2).allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
        }
        let type = String(decoding: first.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
        return (type, isWanted)
    }

    private static func rank(_ range: String, _ type: String, _ subtype: String) -> Int {
        if range.hasSameBytes(as: "\(type)/\(subtype)") { return 3 }
        if range.hasSameBytes(as: "\(type)/*") { return 2 }
        return range.hasSameBytes(as: "*/*") ? 1 : 0
    }
}

extension HTTPHeaders {
    /// Whether the body is JSON by its `Content-Type`, whatever its case and parameters.
    var hasJSONBody: Bool {
        guard let type = value("content-type") else { return false }
        let essence = type.utf8.prefix { $0 != UInt8(ascii: ";") }.filter { $0 != 0x20 && $0 != 0x09 }
        return String(decoding: essence, as: UTF8.self).lowercased().hasSameBytes(as: "application/json")
    }
}
