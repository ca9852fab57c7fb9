// SPDX-License-Identifier: Apache-2.0

import HTTP
import ModelContextProtocol
import NIOPosix
import Values

/// Clients of ours that may speak revision 2026-07-28.
enum ModernClient {
    static func connect(
        _ url: String, _ http: HTTPClient, mode: MCPProtocolMode = .modern, capabilities: ValueObject = [:],
        handler: any MCPClientHandler = IgnoringClientHandler()
    ) async throws(MCPClientError) -> MCPClient {
        try await MCPClient.connect(
            .http(MCPHTTPClientSettings(url: url)), info: ["name": "test", "version": "1"],
            capabilities: capabilities, mode: mode, handler: handler, httpClient: http,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: HTTPTestServer.logger)
    }
}

/// The error that a client of ours ends something with; nil when it does not.
func error(_ body: () async throws -> Void) async -> MCPClientError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? MCPClientError
    }
}
