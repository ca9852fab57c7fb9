// SPDX-License-Identifier: Apache-2.0

package import Values

/// Which notifications a client wants on a stream, or a server will send (MCP 2026-07-28, `subscriptions/listen`).
package struct MCPSubscriptionFilter: Sendable, Equatable {
    /// That the list of tools has changed.
    package var toolsListChanged = false
    /// That the list of prompts has changed.
    package var promptsListChanged = false
    /// That the list of resources has changed.
    package var resourcesListChanged = false
    /// That one of these resources, by URI, or a part of it, has changed.
    package var resourceSubscriptions: [String] = []

    /// Nothing at all.
    package init() {}

    /// Whether it lets nothing through.
    package var isEmpty: Bool {
        !toolsListChanged && !promptsListChanged && !resourcesListChanged && resourceSubscriptions.isEmpty
    }

    /// Whether it lets a notification through.
    ///
    /// A resource passes if it was asked for, or is below one that was: `a://b/c` and `a://b?c` below `a://b`.
    package func admits(_ method: String, _ params: Document?) -> Bool {
        if method.hasSameBytes(as: MCPMethod.toolsChanged) { return toolsListChanged }
        if method.hasSameBytes(as: MCPMethod.promptsChanged) { return promptsListChanged }
        if method.hasSameBytes(as: MCPMethod.resourcesChanged) { return resourcesListChanged }
        guard method.hasSameBytes(as: MCPMethod.resourceUpdated), case .string(let uri) = params?["uri"] else {
            return false
        }
        return resourceSubscriptions.contains { Self.isSame(uri, orBelow: $0) }
    }

    private static func isSame(_ uri: String, orBelow parent: String) -> Bool {
        guard uri.utf8.starts(with: parent.utf8) else { return false }
        if uri.utf8.count == parent.utf8.count || parent.utf8.last == UInt8(ascii: "/") { return true }
        switch uri.utf8.dropFirst(parent.utf8.count).first {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return true
        default: return false
        }
    }
}

extension MCPSubscriptionFilter {
    /// Reads the `notifications` of a request or of an acknowledgement; what is unknown is passed over.
    ///
    /// - Throws: when it is no object, or a member has the wrong type.
    package init(_ value: Value?) throws(JSONRPCError) {
        guard case .object(let object) = value else {
            throw .invalidParams("\(MCPMethod.listen) needs params.notifications, an object")
        }
        toolsListChanged = try Self.flag("toolsListChanged", object)
        promptsListChanged = try Self.flag("promptsListChanged", object)
        resourcesListChanged = try Self.flag("resourcesListChanged", object)
        guard let uris = object["resourceSubscriptions"], !uris.isNull else { return }
        guard case .array(let uris) = uris else { throw Self.wrongURIs }
        for uri in uris {
            guard case .string(let uri) = uri else { throw Self.wrongURIs }
            resourceSubscriptions.append(uri)
        }
    }

    private static let wrongURIs = JSONRPCError.invalidParams(
        "params.notifications.resourceSubscriptions must be an array of URIs")

    private static func flag(_ name: String, _ object: ValueObject) throws(JSONRPCError) -> Bool {
        switch object[name] {
        case .none, .some(.null): return false
        case .some(.bool(let isOn)): return isOn
        default: throw .invalidParams("params.notifications.\(name) must be true or false")
        }
    }

    /// The filter as a message has it: what is not in it is left out.
    package var value: Value {
        var object: ValueObject = [:]
        if toolsListChanged { object["toolsListChanged"] = true }
        if promptsListChanged { object["promptsListChanged"] = true }
        if resourcesListChanged { object["resourcesListChanged"] = true }
        if !resourceSubscriptions.isEmpty {
            object["resourceSubscriptions"] = .array(resourceSubscriptions.map { .string($0) })
        }
        return .object(object)
    }
}

extension MCPSubscriptionFilter {
    /// What both let through; a resource only if both name it.
    package func intersection(_ other: MCPSubscriptionFilter) -> MCPSubscriptionFilter {
        var both = MCPSubscriptionFilter()
        both.toolsListChanged = toolsListChanged && other.toolsListChanged
        both.promptsListChanged = promptsListChanged && other.promptsListChanged
        both.resourcesListChanged = resourcesListChanged && other.resourcesListChanged
        let others = Set(other.resourceSubscriptions.map(ByteKey.init))
        both.resourceSubscriptions = resourceSubscriptions.filter { others.contains(ByteKey($0)) }
        return both
    }
}
