// SPDX-License-Identifier: Apache-2.0

public import Values

/// What is known about a request, shared by all plugins that see it.
public struct GlobalContext: Sendable, Equatable {
    /// The request's identifier, the same at all hooks of one request.
    public var requestID: String
    /// Who makes the request: a string, or an object of attributes.
    public var user: Value?
    /// Further data about the user.
    ///
    /// Lost on the way to and from ContextForge peers, whose messages have no place for it.
    public var userContext: ValueObject?
    /// The tenant on whose behalf the request is made.
    public var tenantID: String?
    /// The virtual server through which it came.
    public var serverID: String?
    /// The media type of the content.
    ///
    /// Lost on the way to and from ContextForge peers, as ``userContext``.
    public var contentType: String?
    /// Data that plugins hand to one another within a request.
    public var state: ValueObject
    /// Data about the request, such as the `tool` and `gateway` it concerns.
    public var metadata: ValueObject

    /// Makes a context.
    public init(
        requestID: String,
        user: Value? = nil,
        userContext: ValueObject? = nil,
        tenantID: String? = nil,
        serverID: String? = nil,
        contentType: String? = nil,
        state: ValueObject = [:],
        metadata: ValueObject = [:]
    ) {
        self.requestID = requestID
        self.user = user
        self.userContext = userContext
        self.tenantID = tenantID
        self.serverID = serverID
        self.contentType = contentType
        self.state = state
        self.metadata = metadata
    }
}

extension GlobalContext {
    /// Takes what a plugin made of the state and the metadata that it saw: keys can be set, not removed.
    ///
    /// - Parameters:
    ///   - new: The context as the plugin left it.
    ///   - seen: The context as the plugin got it.
    /// - Returns: Whether anything is different now.
    mutating func take(_ new: GlobalContext, seen: GlobalContext) -> Bool {
        let hasState = Self.merge(new.state, seen.state, into: &state)
        let hasMetadata = Self.merge(new.metadata, seen.metadata, into: &metadata)
        return hasState || hasMetadata
    }

    private static func merge(_ new: ValueObject, _ seen: ValueObject, into current: inout ValueObject) -> Bool {
        var isOther = false
        for member in new where seen[member.key] != member.value && current[member.key] != member.value {
            current[member.key] = member.value
            isOther = true
        }
        return isOther
    }
}
