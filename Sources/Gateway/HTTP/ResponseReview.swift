// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOHTTP1
import PluginFramework
import Values

/// Runs the plugins of `http_post_request` on the head of each answer.
final class ResponseReview: Sendable {
    private let policy: Policy
    private let tasks: OwnedTasks

    init(_ policy: Policy, tasks: OwnedTasks) {
        self.policy = policy
        self.tasks = tasks
    }

    /// Has the answer to a request looked at, if any plugin wants to.
    func attach(to exchange: HTTP.HTTPExchange, _ request: HTTPServerRequest, server: String?) {
        guard policy.listens(.httpPostRequest) else { return }
        exchange.reviewHead { [self] status, headers, proceed in
            tasks.start { await proceed(self.review(request, server, status, headers)) }
        }
    }

    private func review(
        _ request: HTTPServerRequest, _ server: String?, _ status: HTTPResponseStatus, _ headers: HTTPHeaders
    ) async -> HTTPReviewedHead {
        guard let pipeline = policy.pipeline else { return .send(headers) }
        var state = policy.request(of: nil, at: request.peer, server: server)
        var payload: ValueObject = [
            "path": .string(request.path), "method": .string(request.method.rawValue),
            "headers": .object(RequestHeaders.payload(request.headers)),
            "response_headers": .object(RequestHeaders.payload(headers)),
            "status_code": .int(Int64(status.code)),
        ]
        if case .ip(let host, let port) = request.peer.address {
            payload["client_host"] = .string(host)
            payload["client_port"] = .int(Int64(port))
        }
        if pipeline.givesCredentials(at: .httpPostRequest, in: state) {
            state.credentials = RequestHeaders.payload(request.headers, .secret)
        }
        let outcome = await pipeline.run(.httpPostRequest, Document(object: payload), in: &state)
        if let block = outcome.block {
            policy.counters.blocked(at: .httpPostRequest)
            return .refuse(HTTPDenial(block, outcome).response())
        }
        var headers = headers
        let given = (outcome.change?.value.objectValue ?? [:])
        for member in given {
            guard let value = member.value.stringValue, RequestHeaders.mayAnswer(member.key) else { continue }
            headers.replaceOrAdd(name: member.key, value: value)
        }
        return .send(headers)
    }
}
