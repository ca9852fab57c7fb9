// SPDX-License-Identifier: Apache-2.0

package import Values

/// One request of a client, to be answered by an application.
package struct MCPServerCall: Sendable {
    /// What stays the same: behind one reference, because calls are handed from one function to the next all the way.
    private final class Content: Sendable {
        let session: MCPServerSession
        let id: JSONRPCID
        let method: String
        let params: Document?
        let http: MCPHTTPContext?
        let envelope: MCPRequestEnvelope?
        let outlet: any CallOutlet
        let register: MCPServerSession?
        let bringsInput: Bool

        init(
            _ session: MCPServerSession, _ id: JSONRPCID, _ method: String, _ params: Document?,
            _ http: MCPHTTPContext?, _ envelope: MCPRequestEnvelope?, _ outlet: any CallOutlet,
            _ register: MCPServerSession?, bringsInput: Bool
        ) {
            self.session = session
            self.id = id
            self.method = method
            self.params = params
            self.http = http
            self.envelope = envelope
            self.outlet = outlet
            self.register = register
            self.bringsInput = bringsInput
        }
    }

    private let content: Content
    /// What stands between it and its request; nil for nothing.
    private var front: (any MCPCallFront)?

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - register: where it is noted while it is answered; nil for its session.
    ///   - bringsInput: whether there may be ``inputResponses`` or ``requestState``.
    ///   - isAlone: whether it is noted nowhere, because it is the only one of its session and ends with its connection.
    init(
        session: MCPServerSession, id: JSONRPCID, method: String, params: Document?, http: MCPHTTPContext?,
        envelope: MCPRequestEnvelope? = nil, outlet: any CallOutlet, bringsInput: Bool = false,
        register: MCPServerSession? = nil, isAlone: Bool = false
    ) {
        content = Content(
            session, id, method, params, http, envelope, outlet,
            isAlone ? Optional<MCPServerSession>.none : register ?? session, bringsInput: bringsInput)
    }

    /// The session it belongs to; of a stateless endpoint, and of a request of revision 2026-07-28, one that nobody else has.
    package var session: MCPServerSession { content.session }

    /// The client's id of it.
    package var id: JSONRPCID { content.id }

    /// What is asked for, such as `tools/call`.
    package var method: String { content.method }

    /// The parameters as they came; nil when there are none.
    package var params: Document? { content.params }

    /// The HTTP request it came in; nil over stdio.
    package var http: MCPHTTPContext? { content.http }

    /// What the request says of itself and its client (revision 2026-07-28); nil for one of a handshake revision.
    package var envelope: MCPRequestEnvelope? { content.envelope }

    var outlet: any CallOutlet { content.outlet }

    /// Notes that it begins, so that it can be cancelled.
    ///
    /// - Throws: when its id is in use, the session is over, or has as many calls as it may.
    func begin(_ slot: TaskSlot) throws(JSONRPCError) {
        try content.register?.begin(CallInFlight(id: id, task: slot, outlet: outlet))
    }

    /// Notes that it has ended; false when it was cancelled, and its answer is not wanted any more.
    func finish() -> Bool { content.register?.finish(id) ?? true }

    /// What the client answers to what an earlier result asked of it, by the keys that the result gave (revision 2026-07-28).
    package var inputResponses: Document? {
        bringsInput ? params?.document("inputResponses") : Optional<Document>.none
    }

    /// What the client was given by an earlier result to send back: whoever reads it must check that it gave it (revision 2026-07-28).
    package var requestState: String? { bringsInput ? params?["requestState"]?.stringValue : Optional<String>.none }

    /// Whether the request goes on with an earlier one: it has ``inputResponses`` or a `requestState`, of whatever form (revision 2026-07-28).
    package var bringsInput: Bool { content.bringsInput }

    /// The token under which the client wants to hear of progress, exactly as it came: a string or a number; nil when it does
    /// not want to.
    package var progressToken: Value? {
        params?["_meta"]?["progressToken"]
    }

    /// Sends the client a notification that belongs to this call, before its answer and in the order of the calls.
    ///
    /// What comes after the call's end is dropped, and so is what a client does not take in time.
    ///
    /// A client of revision 2026-07-28 gets log messages only if it has asked for them, from the level on that it has named.
    package func notify(_ method: String, _ params: Document?) {
        if let front { return front.notify(method, params) }
        if let envelope, method.hasSameBytes(as: MCPMethod.message) {
            guard let wanted = envelope.logLevel,
                let level = params?["level"]?.stringValue.flatMap(MCPLogLevel.init(rawValue:)), level >= wanted
            else { return }
        }
        outlet.send(.notification(method: method, params: params))
    }

    /// Sets a header of the HTTP answer; without effect over stdio, and once something was sent.
    package func setHeader(_ name: String, _ value: String) {
        if let front { return front.setHeader(name, value) }
        outlet.setHeader(name, value)
    }

    /// Has an error answered with this HTTP status in place of 200, for what HTTP clients themselves act on, such as 403.
    ///
    /// Without effect on a result, over stdio, in a batch, and once something was sent.
    package func setErrorStatus(_ status: Int) {
        if let front { return front.setErrorStatus(status) }
        outlet.setErrorStatus(status)
    }

    /// The same call with something in front of its request: what it sends and asks goes there.
    package func fronted(by front: any MCPCallFront) -> MCPServerCall {
        var call = self
        call.front = front
        return call
    }

    /// Asks the client something on this call's stream, and waits for its answer (sampling, elicitation, roots).
    ///
    /// - Parameter timeout: how long the client may take; it is told when we no longer wait.
    /// - Throws: the client's error, or one of ours when there is no answer: the client has no session, takes too long, or is gone,
    ///   or this call was cancelled.
    package func request(
        _ method: String, _ params: Document?, timeout: Duration = .seconds(300)
    ) async throws(JSONRPCError) -> Document {
        if let front { return try await front.request(method, params, timeout: timeout) }
        return try await session.ask(method, params, timeout: timeout) { [content] message in
            content.outlet.send(message)
        }
    }
}

/// Where the messages of one call go: the answer to an HTTP request, or a stdio server's output.
protocol CallOutlet: AnyObject, Sendable {
    /// Sends a message that belongs to calls in flight; says whether somebody will get it.
    @discardableResult
    func send(_ message: JSONRPCMessage) -> Bool

    /// Ends a call with its answer.
    func answer(_ id: JSONRPCID, _ result: Result<Document, JSONRPCError>)

    /// Ends a call without an answer, because it was cancelled.
    func abandon(_ id: JSONRPCID)

    /// Sets a header of the answer, where answers have headers.
    func setHeader(_ name: String, _ value: String)

    /// Sets the status of an answer that is an error, where answers have one.
    func setErrorStatus(_ status: Int)
}

extension CallOutlet {
    func setHeader(_ name: String, _ value: String) {}
    func setErrorStatus(_ status: Int) {}
}
