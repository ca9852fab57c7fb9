// SPDX-License-Identifier: Apache-2.0

package import Values

/// One JSON-RPC 2.0 message, as MCP narrows it: ids are never null, and exactly one of result and error is there.
///
/// Parameters and results stay in the bytes they came in until somebody looks, so that what nobody changes is sent on untouched,
/// unknown members included.
package enum JSONRPCMessage: Sendable {
    /// A request, which wants an answer.
    case request(id: JSONRPCID, method: String, params: Document?)
    /// A notification, which is never answered.
    case notification(method: String, params: Document?)
    /// The answer to a request; without an id when the request's could not be read.
    case response(id: JSONRPCID?, Result<Document, JSONRPCError>)
}
