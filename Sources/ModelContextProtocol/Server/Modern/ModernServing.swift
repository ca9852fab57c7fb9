// SPDX-License-Identifier: Apache-2.0

internal import Values

/// How an application's answers become those of revision 2026-07-28.
struct ModernServing: Sendable {
    /// The revisions that the application speaks, oldest first.
    let supported: [ProtocolRevision]
    let subscriptions: SubscriptionTable
    private let application: any MCPServerApplication
    /// The server's name and version; nil when results do not tell.
    private let serverInfo: Document?
    /// `_meta` of a result that has none of its own.
    private let serverMeta: Document?
    private static let completeType = Document("complete").asJSON

    /// Makes it; nil for an application of the handshake revisions alone.
    init?(_ application: any MCPServerApplication, limits: MCPServerLimits) {
        let eras = application.eras
        guard eras.contains(.modern) else { return nil }
        self.application = application
        supported = ProtocolRevision.all.filter { eras.contains($0.era) }
        subscriptions = SubscriptionTable(
            limit: limits.maxListenStreams, resourceLimit: limits.maxResourceSubscriptions)
        let info = application.serverInfo
        serverInfo = info.isEmpty ? nil : Document(object: info)
        serverMeta = info.isEmpty ? nil : Document(object: [MCPMetaKey.serverInfo: .object(info)]).asJSON
    }

    /// Runs one call from its registration to its answer; `slot` holds the task that this runs in.
    func run(_ call: MCPServerCall, _ slot: TaskSlot) async {
        let result: Result<Document, JSONRPCError>
        do throws(JSONRPCError) {
            try call.begin(slot)
        } catch {
            return call.outlet.answer(call.id, .failure(error))
        }
        do throws(JSONRPCError) {
            result = .success(try await respond(to: call))
        } catch {
            result = .failure(error.forModernClients)
        }
        if call.finish() { call.outlet.answer(call.id, result) }
    }

    private func respond(to call: MCPServerCall) async throws(JSONRPCError) -> Document {
        if call.method.hasSameBytes(as: MCPMethod.discover) {
            let result = try await discover(call)
            return complete(result, ResultMembers(result), of: call, isCacheable: true)
        }
        if call.method.hasSameBytes(as: MCPMethod.listen) {
            let subscription = try subscriptions.open(call)
            defer { subscriptions.close(subscription) }
            try await application.listen(call, subscription)
            // An answer without an acknowledgement before it would leave open what was granted.
            subscription.acknowledge(MCPSubscriptionFilter())
            let meta: ValueObject = [MCPMetaKey.subscriptionID: call.id.value]
            let result = Document(object: ["_meta": .object(meta)])
            return complete(result, ResultMembers(result), of: call, isCacheable: false)
        }
        let result = try await application.request(call)
        let seen = ResultMembers(result)
        if seen.asksForInput { try checkInput(result, of: call) }
        return complete(result, seen, of: call, isCacheable: Self.isCacheable(call.method))
    }

    private func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        let answer = try await application.discover(call)
        var object: ValueObject = [
            "supportedVersions": .array(supported.filter { $0.era == .modern }.map { .string($0.name) }),
            "capabilities": .object(answer.capabilities),
        ]
        if let instructions = answer.instructions { object["instructions"] = .string(instructions) }
        for member in answer.further where !object.contains(member.key) { object[member.key] = member.value }
        if !answer.serverInfo.isEmpty {
            var meta = object["_meta"]?.objectValue ?? [:]
            if !meta.contains(MCPMetaKey.serverInfo) { meta[MCPMetaKey.serverInfo] = .object(answer.serverInfo) }
            object["_meta"] = .object(meta)
        }
        return Document(object: object)
    }

    /// A result that asks for input is for some methods only, and asks for nothing that the client has not declared.
    private func checkInput(_ result: Document, of call: MCPServerCall) throws(JSONRPCError) {
        guard let input = try MCPInputRequired(result) else { return }
        guard MCPInputRequired.isAllowed(for: call.method) else {
            throw .internalError("\(call.method) may not ask its client for input")
        }
        if let missing = input.missingCapabilities(call.envelope?.clientCapabilities ?? [:]) {
            throw .missingCapability(missing)
        }
    }

    private static func isCacheable(_ method: String) -> Bool {
        method.hasSameBytes(as: MCPMethod.readResource) || method.utf8.suffix(5).elementsEqual("/list".utf8)
    }

    /// Adds what the revision demands of each result, as far as the application has left it out.
    private func complete(
        _ result: Document, _ seen: ResultMembers, of call: MCPServerCall, isCacheable: Bool
    ) -> Document {
        var further: [(key: String, value: Document)] = []
        if !seen.hasType { further.append(("resultType", Self.completeType)) }
        if isCacheable, !seen.asksForInput, !seen.hasTTL || !seen.hasScope {
            let hint = application.cacheHint(for: call)
            if !seen.hasTTL { further.append(("ttlMs", Document(.int(Int64(hint.milliseconds))))) }
            if !seen.hasScope { further.append(("cacheScope", Document(.string(hint.scope.rawValue)))) }
        }
        var result = result
        if let serverInfo, let serverMeta {
            if let meta = seen.meta {
                // What an upstream says of itself stays.
                if meta.isObject, meta[MCPMetaKey.serverInfo] == nil {
                    result = result.setting("_meta", to: meta.setting(MCPMetaKey.serverInfo, to: serverInfo))
                }
            } else {
                further.append(("_meta", serverMeta))
            }
        }
        return further.isEmpty ? result : result.adding(further)
    }
}

/// What a result says already, found in one pass.
private struct ResultMembers {
    var hasType = false
    var asksForInput = false
    var hasTTL = false
    var hasScope = false
    var meta: Document?

    init(_ result: Document) {
        if let json = result.encoded as? EncodedJSON {
            json.forEachMember { member in
                if member.isNamed("resultType") {
                    note(type: member.value)
                } else if member.isNamed("ttlMs") {
                    hasTTL = true
                } else if member.isNamed("cacheScope") {
                    hasScope = true
                } else if member.isNamed("_meta") {
                    meta = Document(encoded: member.encoded)
                }
            }
        } else {
            if let type = result["resultType"] { note(type: type) }
            hasTTL = result["ttlMs"] != nil
            hasScope = result["cacheScope"] != nil
            meta = result["_meta"].map { Document($0) }
        }
    }

    private mutating func note(type: Value) {
        hasType = true
        asksForInput = type.stringValue?.hasSameBytes(as: MCPInputRequired.resultType) == true
    }
}

extension JSONRPCError {
    /// The same error with a code that revision 2026-07-28 has.
    fileprivate var forModernClients: JSONRPCError {
        var copy = self
        if code == Self.resourceNotFoundCode { copy.code = Self.invalidParamsCode }
        if code == Self.urlElicitationRequiredCode { copy.code = Self.internalErrorCode }
        return copy
    }
}
