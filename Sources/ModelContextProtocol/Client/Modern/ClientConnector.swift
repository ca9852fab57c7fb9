// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Logging
internal import NIOCore
internal import Values

/// Begins a client's session with its server, in the era that both speak.
struct ClientConnector {
    /// What `server/discover` has shown.
    private enum Discovery {
        case speaks(InitializeResult)
        /// The server does not know the question, or answers that it speaks none of our revisions without sessions; it may know it
        /// another time when it has only failed.
        case doesNotSpeak(MCPClientError, isCertain: Bool = true)
    }

    /// A way to the server, before anything was agreed on.
    private struct Attempt {
        let core: ClientCore
        var link: any ClientLink
    }

    let transport: MCPClientTransportSettings
    let info: ValueObject
    let capabilities: ValueObject
    let revision: ProtocolRevision
    let handler: any MCPClientHandler
    let limits: MCPClientLimits
    let httpClient: HTTPClient
    let eventLoop: any EventLoop
    let logger: Logger

    func connect(_ mode: MCPProtocolMode) async throws(MCPClientError) -> MCPClient {
        var attempt = try await open()
        do throws(MCPClientError) {
            switch mode {
            case .handshake: return try await handshake(attempt)
            case .modern:
                switch try await discover(attempt) {
                case .speaks(let server): return client(server, attempt)
                case .doesNotSpeak(let error, _): throw error
                }
            case .auto(let memory):
                do throws(MCPClientError) {
                    let (client, isCertain) = try await either(&attempt, first: memory.era)
                    memory.era = isCertain ? client.server.revision.era : nil
                    return client
                } catch {
                    // It may have become another, which is to be found out the next time.
                    if error != .cancelled { memory.era = nil }
                    throw error
                }
            }
        } catch {
            await attempt.core.close("the session did not begin")
            throw error
        }
    }

    private func open() async throws(MCPClientError) -> Attempt {
        let core = ClientCore(handler: handler, limits: limits, eventLoop: eventLoop, logger: logger)
        let link: any ClientLink
        switch transport {
        case .http(let settings):
            let http = try HTTPClientLink(settings, httpClient: httpClient, core: core)
            link = settings.transport == .sse ? try await SSEClientLink.begin(http, core: core) : http
        case .stdio(let settings): link = try await StdioClientLink.start(settings, core: core)
        }
        core.use(link)
        return Attempt(core: core, link: link)
    }

    /// Tries one era, and then the other; which one first, a session before this one has taught.
    ///
    /// - Returns: also whether the server will be found the same the next time.
    private func either(
        _ attempt: inout Attempt, first: ProtocolEra?
    ) async throws(MCPClientError) -> (MCPClient, isCertain: Bool) {
        if first == .handshake {
            let failure: MCPClientError
            do throws(MCPClientError) { return (try await handshake(attempt), true) } catch { failure = error }
            // The server may have become another in the meantime. One that is not there now was not asked.
            guard case .rpc = failure, case .speaks(let server) = try await discover(attempt) else { throw failure }
            return (client(server, attempt), true)
        }
        if case .http(let settings) = transport, settings.transport == .sse {
            // That transport is older than the question.
            return (try await handshake(attempt), true)
        }
        let isCertain: Bool
        switch try await discover(attempt) {
        case .speaks(let server): return (client(server, attempt), true)
        case .doesNotSpeak(let reason, let isFinal):
            isCertain = isFinal
            logger.debug("an MCP server begins with initialize", metadata: ["reason": "\(reason)"])
        }
        if attempt.core.endReason != nil {
            // A program that has ended because it did not understand the question.
            await attempt.core.close("the program did not understand \(MCPMethod.discover)")
            attempt = try await open()
        }
        return (try await handshake(attempt), isCertain)
    }

    private func client(_ server: InitializeResult, _ attempt: Attempt) -> MCPClient {
        MCPClient(server: server, core: attempt.core, link: attempt.link)
    }

    // MARK: Sessions

    /// Agrees on a revision with `initialize`.
    private func handshake(_ attempt: Attempt) async throws(MCPClientError) -> MCPClient {
        attempt.core.speak(nil)
        attempt.link.agreed(on: nil)
        let params: ValueObject = [
            "protocolVersion": .string(revision.name), "capabilities": .object(capabilities),
            "clientInfo": .object(info),
        ]
        let options = MCPRequestOptions(timeout: limits.connectTimeout)
        var attempt = attempt
        let document: Document
        do throws(MCPClientError) {
            document = try await attempt.core.request(MCPMethod.initialize, Document(object: params), options)
        } catch {
            guard let older = await SSEClientLink.fallback(from: attempt.link, core: attempt.core) else { throw error }
            attempt.link = older
            document = try await attempt.core.request(MCPMethod.initialize, Document(object: params), options)
        }
        let result = try InitializeResult(document)
        attempt.link.agreed(on: result.revision)
        try await attempt.core.notify(MCPMethod.initialized, nil)
        attempt.link.begin()
        return client(result, attempt)
    }

    // MARK: Revision 2026-07-28

    /// Asks what the server speaks, in the newest revision.
    ///
    /// - Throws: when the server cannot be reached, and when it speaks nothing that this client does.
    private func discover(_ attempt: Attempt) async throws(MCPClientError) -> Discovery {
        let revision = ProtocolRevision.latestModern
        attempt.core.speak(ClientEnvelope(revision, info: info, capabilities: capabilities))
        attempt.link.agreed(on: revision)
        var isProgram = false
        if case .stdio = transport { isProgram = true }
        // A program of an earlier revision may say nothing to what it does not know; over HTTP there is always an answer.
        let timeout = isProgram ? min(limits.connectTimeout, limits.discoverTimeout) : limits.connectTimeout
        let document: Document
        do throws(MCPClientError) {
            document = try await attempt.core.send(MCPMethod.discover, nil, MCPRequestOptions(timeout: timeout))
        } catch {
            switch error {
            case .rpc(let answer):
                if Self.isOfAnotherAge(answer) {
                    throw .transport(
                        "the server speaks other revisions of MCP than this client: \(answer); update one of them")
                }
                // Errors that only servers without sessions know: this one will not begin a session.
                if [JSONRPCError.headerMismatchCode, JSONRPCError.missingCapabilityCode].contains(answer.code) {
                    throw error
                }
                return .doesNotSpeak(error, isCertain: answer.code != JSONRPCError.internalErrorCode)
            case .timeout where isProgram: return .doesNotSpeak(error)
            case .transport where isProgram && attempt.core.endReason != nil: return .doesNotSpeak(error)
            default: throw error
            }
        }
        guard case .array(let versions) = document["supportedVersions"],
            versions.contains(where: { $0.stringValue?.hasSameBytes(as: revision.name) == true })
        else {
            return .doesNotSpeak(.transport("the server does not say that it speaks MCP revision \(revision)"))
        }
        let meta = document.document("_meta")
        return .speaks(
            InitializeResult(
                revision: revision, capabilities: document["capabilities"]?.objectValue ?? [:],
                serverInfo: meta?[MCPMetaKey.serverInfo]?.objectValue ?? [:],
                instructions: document["instructions"]?.stringValue, document: document))
    }

    /// Whether an error says that the server speaks revisions without sessions, and not ours: asking for a session is then of no use.
    private static func isOfAnotherAge(_ error: JSONRPCError) -> Bool {
        guard error.code == JSONRPCError.unsupportedProtocolVersionCode,
            case .array(let supported) = error.data?["supported"], !supported.isEmpty
        else { return false }
        return !supported.contains { version in
            version.stringValue.flatMap { ProtocolRevision($0) }?.era == .handshake
        }
    }
}
