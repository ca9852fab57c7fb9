// SPDX-License-Identifier: Apache-2.0

package import Values

/// What a client says of itself when it begins a session.
package struct InitializeParameters: Sendable {
    /// The revision the client asked for, as it wrote it.
    package var requestedVersion: String
    /// The revision this session speaks.
    package var revision: ProtocolRevision
    /// What the client can do for the server.
    package var capabilities: ValueObject
    /// The client's name and version, and whatever else it tells.
    package var clientInfo: ValueObject
    /// The parameters as they came.
    package var document: Document
}

/// What a server says of itself: when a session begins, and in answer to `server/discover`; the server core adds which revisions
/// it speaks.
package struct InitializeAnswer: Sendable {
    /// What the server can do.
    package var capabilities: ValueObject
    /// The server's `name` and `version`, and whatever else it tells.
    package var serverInfo: ValueObject
    /// How the server is to be used; nil when there is nothing to say.
    package var instructions: String?
    /// Further members of the result, such as `_meta`.
    package var further: ValueObject

    /// Makes an answer.
    package init(
        capabilities: ValueObject, serverInfo: ValueObject, instructions: String? = nil, further: ValueObject = [:]
    ) {
        self.capabilities = capabilities
        self.serverInfo = serverInfo
        self.instructions = instructions
        self.further = further
    }

    func result(_ revision: ProtocolRevision) -> Document {
        var object: ValueObject = [
            "protocolVersion": .string(revision.name), "capabilities": .object(capabilities),
            "serverInfo": .object(serverInfo),
        ]
        if let instructions { object["instructions"] = .string(instructions) }
        for member in further where !object.contains(member.key) { object[member.key] = member.value }
        return Document(object: object)
    }
}

/// What a server has told a client about itself.
package struct InitializeResult: Sendable {
    /// The revision the session speaks.
    package var revision: ProtocolRevision
    /// What the server can do.
    package var capabilities: ValueObject
    /// The server's name and version, and whatever else it tells.
    package var serverInfo: ValueObject
    /// How the server is to be used, if it says so.
    package var instructions: String?
    /// The result as it came.
    package var document: Document
}

extension InitializeParameters {
    /// Reads the parameters of `initialize`, and decides on the revision.
    init(_ params: Document?) throws(JSONRPCError) {
        guard let params, case .string(let version) = params["protocolVersion"] else {
            throw .invalidParams(
                "initialize needs protocolVersion, a string such as \"\(ProtocolRevision.latestHandshake)\"")
        }
        guard case .object(let capabilities) = params["capabilities"] else {
            throw .invalidParams("initialize needs capabilities, an object, which may be empty")
        }
        guard case .object(let info) = params["clientInfo"] else {
            throw .invalidParams("initialize needs clientInfo, an object with name and version")
        }
        self.init(
            requestedVersion: version, revision: .negotiated(for: version), capabilities: capabilities,
            clientInfo: info, document: params)
    }
}

extension InitializeResult {
    /// Reads what a server has answered.
    ///
    /// - Throws: `MCPClientError.transport` for a revision we do not speak, and for an answer that is none.
    init(_ document: Document) throws(MCPClientError) {
        guard case .string(let version) = document["protocolVersion"] else {
            throw .transport("the server's answer to initialize has no protocolVersion, so it is no MCP server")
        }
        guard let revision = ProtocolRevision(version), revision.era == .handshake else {
            let spoken = ProtocolRevision.handshake.map(\.name).joined(separator: ", ")
            throw .transport("the server speaks MCP revision \(version), and this client \(spoken); update one of them")
        }
        self.init(
            revision: revision, capabilities: document["capabilities"]?.objectValue ?? [:],
            serverInfo: document["serverInfo"]?.objectValue ?? [:],
            instructions: document["instructions"]?.stringValue, document: document)
    }
}
