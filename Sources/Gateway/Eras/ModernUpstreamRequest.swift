// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOHTTP1
import Values

/// What a request to an upstream that speaks 2026-07-28 has beside what one to any other has.
struct ModernUpstreamRequest: Sendable {
    private static let headerPrefix = "mcp-param-"

    /// Whether the client speaks that revision too: then it is the one who answers what the upstream needs to know.
    var returnsQuestions = false
    /// What the client answers, and plugins left of it.
    var responses: Document?
    /// The upstream's own state of the rounds before.
    var state: String?
    /// Which arguments of the tool go into headers as well.
    var parameterHeaders: MCPParameterHeaders?
    /// `Mcp-Param-*` headers of the client's request.
    var givenHeaders: [(name: String, value: String)] = []

    /// Takes what the client's request has to say.
    init(_ call: MCPServerCall, _ target: ServerView.Target) {
        returnsQuestions = call.envelope != nil
        parameterHeaders = target.parameterHeaders
        guard call.envelope != nil, let headers = call.http?.request.headers else { return }
        for (name, value) in headers where Self.isParameterHeader(name) { givenHeaders.append((name, value)) }
    }

    private static func isParameterHeader(_ name: String) -> Bool {
        // Nearly all names begin otherwise, or are too short, which is seen without another string.
        guard name.utf8.count > headerPrefix.utf8.count, let first = name.utf8.first, first | 0x20 == UInt8(ascii: "m")
        else { return false }
        return name.lowercased().utf8.starts(with: headerPrefix.utf8)
    }

    /// The parameters as they are sent, and what goes with them.
    ///
    /// `Mcp-Param-*` headers are made anew, because plugins may have changed the arguments; those that the tool's schema does not
    /// name go on as they came (MCP 2026-07-28, Transports, Custom headers).
    func prepare(_ params: Document?, _ options: inout MCPRequestOptions) -> Document? {
        if returnsQuestions { options.inputRequired = .returned }
        if !givenHeaders.isEmpty {
            let named = parameterHeaders?.names ?? []
            options.headers += givenHeaders.filter { given in
                !named.contains { $0.lowercased().hasSameBytes(as: given.name.lowercased()) }
            }
        }
        if let parameterHeaders { options.headers += parameterHeaders.headers(for: params?.document("arguments")) }
        guard responses != nil || state != nil else { return params }
        var params = params ?? Document(object: [:])
        if let responses { params = params.setting("inputResponses", to: responses) }
        if let state { params = params.setting("requestState", to: Document(.string(state))) }
        return params
    }
}
