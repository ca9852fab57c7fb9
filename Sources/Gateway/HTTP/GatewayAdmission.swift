// SPDX-License-Identifier: Apache-2.0

import Authentication
import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOHTTP1
import PluginFramework
import Values

/// Decides who may use the endpoint of a virtual server: plugins at the `http_*` hooks, and bearer tokens.
struct GatewayAdmission: MCPAdmission {
    private let server: VirtualServer
    private let authentication: RequestAuthentication
    private let policy: Policy
    private let logger: Logger
    /// The scopes that the use of the server needs.
    private let scopes: [String]
    /// Where clients learn how to get a token; nil for nowhere.
    private let metadata: String?
    /// What those are told whose token does not suffice for a single tool, prompt or resource.
    private let challenge: ScopeChallenge

    init(server: VirtualServer, authentication: GatewayAuthentication, policy: Policy, logger: Logger) {
        self.server = server
        self.authentication = authentication.requests
        self.policy = policy
        self.logger = logger
        scopes = ScopeSet(authentication.requiredScopes + server.settings.scopes).names
        metadata = authentication.resource?.documentURL(forPath: GatewayResponder.path(of: server.id))
        challenge = ScopeChallenge(scopes: scopes, metadata: metadata)
    }

    func admit(_ request: HTTPServerRequest) async -> MCPAdmissionDecision {
        do throws(HTTPDenial) {
            try checkQuery(request)
            // A function that nobody needs is not called: each has a frame of its own in the task's memory.
            let headers = policy.listens(.httpPreRequest) ? try await preRequest(request) : nil
            let principal =
                policy.listens(.httpAuthResolveUser)
                ? try await resolvedPrincipal(of: request, headers ?? request.headers)
                : try await ownPrincipal(of: request, headers ?? request.headers)
            guard principal.mayUse(server: server.id) else {
                throw .refused(
                    AuthenticationRefusal(
                        .insufficientScope,
                        "this token is not for \(server.id.map { "the virtual server \($0)" } ?? "the whole gateway"); use one that is"
                    ))
            }
            try checkScopes(of: principal)
            let caller = Caller(principal, request.peer, headers: headers, challenge: challenge)
            if policy.listens(.httpAuthCheckPermission) { try await checkPermission(request, caller) }
            return .allow(MCPPrincipal(identity: principal.identity.description, details: caller))
        } catch {
            if case .refused(let refusal) = error { log(refusal, request) }
            return .refuse(error.response(resourceMetadata: metadata))
        }
    }

    /// A token in the URL is refused whatever else would count, because URLs are logged.
    private func checkQuery(_ request: HTTPServerRequest) throws(HTTPDenial) {
        guard let query = request.query, authentication.isRequired || policy.listens(.httpAuthResolveUser) else {
            return
        }
        do throws(AuthenticationRefusal) {
            try BearerCredentials.check(query: query)
        } catch {
            throw .refused(error)
        }
    }

    private func checkScopes(of principal: Principal) throws(HTTPDenial) {
        guard !principal.scopes.missing(of: scopes).isEmpty else { return }
        throw .refused(
            AuthenticationRefusal(
                .insufficientScope, "the token lacks scopes that are needed here; get one that has them",
                scopes: scopes))
    }

    private func log(_ refusal: AuthenticationRefusal, _ request: HTTPServerRequest) {
        logger.info(
            "A request was refused: \(refusal.message)",
            metadata: [
                "peer": "\(request.peer)", "path": "\(GatewayResponder.path(of: server.id))", "code": "\(refusal.code)",
                "detail": "\(refusal.detail ?? "-")",
            ])
    }

    // MARK: Plugins

    /// `http_pre_request`: it may refuse, and set headers that count from then on.
    ///
    /// - Returns: The headers, if a plugin changed any.
    private func preRequest(_ request: HTTPServerRequest) async throws(HTTPDenial) -> HTTPHeaders? {
        var state = policy.request(of: nil, at: request.peer, server: server.id)
        if policy.pipeline?.givesCredentials(at: .httpPreRequest, in: state) == true {
            state.credentials = RequestHeaders.payload(request.headers, .secret)
        }
        let payload = Self.payload(request, RequestHeaders.payload(request.headers))
        guard let change = try await run(.httpPreRequest, Document(object: payload), &state) else { return nil }
        var headers = request.headers
        for member in change.value.objectValue ?? [:] {
            guard let value = member.value.stringValue else { continue }
            headers.replaceOrAdd(name: member.key, value: value)
        }
        return headers
    }

    /// `http_auth_resolve_user`, and then the tokens of the configuration.
    private func resolvedPrincipal(
        of request: HTTPServerRequest, _ headers: HTTPHeaders
    ) async throws(HTTPDenial) -> Principal {
        var state = policy.request(of: nil, at: request.peer, server: server.id)
        var payload = Self.payload(request, RequestHeaders.payload(headers, .all))
        payload["path"] = nil
        payload["method"] = nil
        payload["credentials"] = Self.credentials(headers)
        if let user = try await run(.httpAuthResolveUser, Document(object: payload), &state)?.value.objectValue {
            guard let principal = Principal.found(user) else {
                logger.error(
                    "A plugin at http_auth_resolve_user found a user without a name; the request is refused")
                throw .refused(AuthenticationRefusal(.invalid, "the user cannot be told from others"))
            }
            return principal
        }
        return try await ownPrincipal(of: request, headers)
    }

    /// By the tokens of the configuration.
    private func ownPrincipal(
        of request: HTTPServerRequest, _ headers: HTTPHeaders
    ) async throws(HTTPDenial) -> Principal {
        do throws(AuthenticationRefusal) {
            return try await authentication.principal(of: headers, query: request.query)
        } catch {
            throw .refused(error.advising(scopes))
        }
    }

    /// `http_auth_check_permission` for the virtual server as a whole; single tools are decided where they are called.
    private func checkPermission(_ request: HTTPServerRequest, _ caller: Caller) async throws(HTTPDenial) {
        let check = PermissionCheck(
            permission: "servers.use", resourceType: "server", subject: nil, server: server.id,
            userAgent: request.headers.first(name: "user-agent"))
        do throws(JSONRPCError) {
            guard let reason = try await check.denial(of: caller, policy) else { return }
            throw JSONRPCError(
                code: PipelineBlock.defaultViolationCode, message: "Permission servers.use denied: \(reason)",
                data: ["http_status": 403])
        } catch {
            throw .error(error, status: error.data?["http_status"]?.intValue.map { Int($0) } ?? 403, headers: [:])
        }
    }

    private func run(
        _ hook: HookName, _ payload: Document, _ request: inout PipelineRequest
    ) async throws(HTTPDenial) -> Document? {
        guard let pipeline = policy.pipeline else { return nil }
        let outcome = await pipeline.run(hook, payload, in: &request)
        guard let block = outcome.block else { return outcome.change }
        policy.counters.blocked(at: hook)
        throw HTTPDenial(block, outcome)
    }

    // MARK: Payloads

    private static func payload(_ request: HTTPServerRequest, _ headers: ValueObject) -> ValueObject {
        var payload: ValueObject = [
            "path": .string(request.path), "method": .string(request.method.rawValue), "headers": .object(headers),
        ]
        if case .ip(let host, let port) = request.peer.address {
            payload["client_host"] = .string(host)
            payload["client_port"] = .int(Int64(port))
        }
        return payload
    }

    /// `{scheme, credentials}` of the Authorization header; null without one.
    private static func credentials(_ headers: HTTPHeaders) -> Value {
        guard let header = headers.first(name: "authorization") else { return .null }
        let bytes = header.utf8
        let scheme = bytes.prefix { $0 != UInt8(ascii: " ") }
        let rest = bytes[scheme.endIndex...].drop { $0 == UInt8(ascii: " ") }
        return [
            "scheme": .string(String(decoding: scheme, as: UTF8.self)),
            "credentials": .string(String(decoding: rest, as: UTF8.self)),
        ]
    }
}

/// Why a request is not let in, and what HTTP answers.
enum HTTPDenial: Error {
    /// Who it is, is not known, or not enough.
    case refused(AuthenticationRefusal)
    /// A plugin does not want it.
    case error(JSONRPCError, status: Int, headers: ValueObject)

    /// A block at an `http_*` hook.
    init(_ block: PipelineBlock, _ outcome: PipelineOutcome) {
        // Here a status is expected; one that is none of an error would let the request pass for answered.
        let status = block.httpStatus == 200 ? (block.error == nil ? 403 : 500) : block.httpStatus
        self = .error(Policy.error(for: block, outcome), status: status, headers: block.httpHeaders)
    }

    /// The answer: a status, and a JSON-RPC error as its body, so that both layers understand it.
    ///
    /// - Parameter metadata: Where clients learn how to get a token.
    func response(resourceMetadata metadata: String? = nil) -> HTTPServerResponse {
        switch self {
        case .refused(let refusal):
            var headers: HTTPHeaders = ["content-type": "application/json"]
            if let challenge = refusal.challenge(resourceMetadata: metadata) {
                headers.add(name: "www-authenticate", value: challenge)
            }
            return Self.response(refusal.status, .invalidRequest(refusal.message), headers)
        case .error(let error, let status, let given):
            var headers: HTTPHeaders = ["content-type": "application/json"]
            for member in given {
                guard let value = member.value.stringValue else { continue }
                headers.replaceOrAdd(name: member.key, value: value)
            }
            return Self.response(status, error, headers)
        }
    }

    private static func response(_ status: Int, _ error: JSONRPCError, _ headers: HTTPHeaders) -> HTTPServerResponse {
        var object: ValueObject = ["code": .int(Int64(error.code)), "message": .string(error.message)]
        if let data = error.data { object["data"] = data }
        let body: Value = ["jsonrpc": "2.0", "id": nil, "error": .object(object)]
        return HTTPServerResponse(
            status: HTTPResponseStatus(statusCode: status), headers: headers, body: ByteBuffer(string: body.description)
        )
    }
}
