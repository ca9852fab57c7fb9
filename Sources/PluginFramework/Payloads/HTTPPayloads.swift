// SPDX-License-Identifier: Apache-2.0

public import Values

/// An HTTP request about to be handled: the payload of `http_pre_request`.
///
/// The result is a map of headers.
public struct HTTPRequestHead: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks `path` and `method` (strings, required), `headers` (object of strings), `client_host` and `client_port`.
    public init(document: Document) throws(ValueError) {
        try document.requireString("path")
        try document.requireString("method")
        try document.checkStrings("headers")
        try document.checkString("client_host")
        try document.checkInteger("client_port")
        self.document = document
    }

    /// The path of the request, without query.
    public var path: String { document["path"]?.stringValue ?? "" }
    /// The HTTP method, in capitals.
    public var method: String { document["method"]?.stringValue ?? "" }
    /// The client's address.
    public var clientHost: String? { document["client_host"]?.stringValue }
    /// The client's port.
    public var clientPort: Int? { document["client_port"]?.intValue.map(Int.init) }
    /// The request's headers: names to strings.
    public var headers: ValueObject { document["headers"]?.objectValue ?? [:] }
}

/// An HTTP request that was handled: the payload of `http_post_request`.
///
/// The result is a map of headers.
public struct HTTPExchange: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks what ``HTTPRequestHead`` checks, and `response_headers` (object of strings) and `status_code` (integer).
    public init(document: Document) throws(ValueError) {
        _ = try HTTPRequestHead(document: document)
        try document.checkStrings("response_headers")
        try document.checkInteger("status_code")
        self.document = document
    }

    /// The path of the request, without query.
    public var path: String { document["path"]?.stringValue ?? "" }
    /// The HTTP method, in capitals.
    public var method: String { document["method"]?.stringValue ?? "" }
    /// The client's address.
    public var clientHost: String? { document["client_host"]?.stringValue }
    /// The client's port.
    public var clientPort: Int? { document["client_port"]?.intValue.map(Int.init) }
    /// The request's headers: names to strings.
    public var headers: ValueObject { document["headers"]?.objectValue ?? [:] }
    /// The response's headers: names to strings.
    public var responseHeaders: ValueObject? { document["response_headers"]?.objectValue }
    /// The response's HTTP status.
    public var statusCode: Int? { document["status_code"]?.intValue.map(Int.init) }
}

/// A map of HTTP headers: the result of `http_pre_request` and `http_post_request`.
public struct HTTPHeaderMap: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks that the document is an object of strings.
    public init(document: Document) throws(ValueError) {
        guard let headers = document.value.objectValue else {
            throw ValueError(
                .type, "must be an object of header names to strings, not \(document.value.kindDescription)")
        }
        for member in headers where member.value.stringValue == nil {
            throw ValueError(.type, "must be a string, not \(member.value.kindDescription)", path: member.key)
        }
        self.document = document
    }

    /// Makes a map.
    public init(_ headers: [(String, String)]) {
        document = Document(object: ValueObject(headers.map { ($0.0, Value.string($0.1)) }))
    }

    /// The headers: names to strings.
    public var headers: ValueObject { document.value.objectValue ?? [:] }
}

/// A request whose user is to be found: the payload of `http_auth_resolve_user`.
///
/// The result is a user object.
public struct UserResolutionRequest: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks `credentials` (object), `headers` (object of strings), `client_host` and `client_port`.
    public init(document: Document) throws(ValueError) {
        try document.checkObject("credentials")
        try document.checkStrings("headers")
        try document.checkString("client_host")
        try document.checkInteger("client_port")
        self.document = document
    }

    /// What the client sent to prove who it is, such as `{scheme, credentials}`.
    public var credentials: ValueObject? { document["credentials"]?.objectValue }
    /// The request's headers: names to strings.
    public var headers: ValueObject { document["headers"]?.objectValue ?? [:] }
    /// The client's address.
    public var clientHost: String? { document["client_host"]?.stringValue }
    /// The client's port.
    public var clientPort: Int? { document["client_port"]?.intValue.map(Int.init) }
}

/// A user as a plugin found it: the result of `http_auth_resolve_user`.
public struct ResolvedUser: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks that the document is an object.
    public init(document: Document) throws(ValueError) {
        guard document.value.objectValue != nil else {
            throw ValueError(.type, "must be a user object, not \(document.value.kindDescription)")
        }
        self.document = document
    }

    /// Makes a user of its attributes, such as `email`, `full_name`, `is_admin`.
    public init(_ attributes: ValueObject) {
        document = Document(object: attributes)
    }

    /// The user's attributes.
    public var attributes: ValueObject { document.value.objectValue ?? [:] }
}

/// A permission to be decided: the payload of `http_auth_check_permission`.
///
/// The result is a decision.
public struct PermissionRequest: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks `user_email` and `permission` (strings, required) and the types of the other members.
    public init(document: Document) throws(ValueError) {
        try document.requireString("user_email")
        try document.requireString("permission")
        for key in ["resource_type", "team_id", "auth_method", "client_host", "user_agent"] {
            try document.checkString(key)
        }
        if let isAdmin = document["is_admin"], !isAdmin.isNull, isAdmin.boolValue == nil {
            throw ValueError(.type, "must be a boolean, not \(isAdmin.kindDescription)", path: "is_admin")
        }
        self.document = document
    }

    /// Who wants the permission.
    public var userEmail: String { document["user_email"]?.stringValue ?? "" }
    /// What is wanted, such as `tools.read`.
    public var permission: String { document["permission"]?.stringValue ?? "" }
    /// The kind of thing that is accessed.
    public var resourceType: String? { document["resource_type"]?.stringValue }
    /// The team on whose behalf it is wanted.
    public var teamID: String? { document["team_id"]?.stringValue }
    /// Whether the user is an administrator; absent counts as no.
    public var isAdmin: Bool { document["is_admin"]?.boolValue ?? false }
    /// How the user proved who it is.
    public var authMethod: String? { document["auth_method"]?.stringValue }
    /// The client's address.
    public var clientHost: String? { document["client_host"]?.stringValue }
    /// The client's `User-Agent`.
    public var userAgent: String? { document["user_agent"]?.stringValue }
}

/// Whether a permission is given: the result of `http_auth_check_permission`.
public struct PermissionDecision: HookPayload, Equatable {
    /// The data.
    public let document: Document

    /// Checks `granted` (boolean, required) and `reason` (string).
    public init(document: Document) throws(ValueError) {
        guard let granted = document["granted"] else {
            throw ValueError(.missing, "is required and must be a boolean", path: "granted")
        }
        guard granted.boolValue != nil else {
            throw ValueError(.type, "must be a boolean, not \(granted.kindDescription)", path: "granted")
        }
        try document.checkString("reason")
        self.document = document
    }

    /// Makes a decision.
    public init(granted: Bool, reason: String? = nil) {
        document = Document(object: ["granted": .bool(granted), "reason": reason.map(Value.string) ?? .null])
    }

    /// Whether the permission is given.
    public var granted: Bool { document["granted"]?.boolValue ?? false }
    /// Why, for the log and the client.
    public var reason: String? { document["reason"]?.stringValue }
}
