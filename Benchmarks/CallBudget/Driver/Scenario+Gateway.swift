// SPDX-License-Identifier: Apache-2.0

import Gateway
import Glibc
import HTTP
import Logging
import ModelContextProtocol
import NIOCore
import NIOPosix
import PluginFramework
import Sockets
import Values

extension Scenario {
    /// A gateway and the server behind it, whole, as one connection with one session makes them work: with a server of the handshake
    /// revisions, and with one that speaks 2026-07-28 as well, which the gateway prefers.
    static let gateway = [
        throughGateway("gateway-tools-call", to: [.handshake]),
        throughGateway("gateway-modern-call", to: [.handshake, .modern]),
        Scenario(name: "gateway-modern-client") {
            let client = try LocalGateway.serve([.handshake, .modern])
            // The gateway's first session with its server, and the names of its tools.
            _ = try beginSession(client)
            return try repeated(modernCall("demo-echo"), client)
        },
    ]

    private static func throughGateway(_ name: String, to eras: Set<ProtocolEra>) -> Scenario {
        Scenario(name: name) {
            let client = try LocalGateway.serve(eras)
            let session = try beginSession(client)
            let request = post(
                #"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"demo-echo","arguments":{"text":"hello"}}}"#,
                session: session)
            try client.exchange(request, length: httpLength)
            let length = client.answer.count
            return {
                try client.exchange(request) { _ in length }
                try expect(client.answer.starts(with: "HTTP/1.1 200".utf8), "the answer is not 200")
                try expect(client.answer.suffix(60).contains(UInt8(ascii: "h")), "the answer is not the tool's")
            }
        }
    }

    /// Begins a session; its id.
    private static func beginSession(_ client: PingPong) throws -> String {
        let hello =
            #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"#
            + #""clientInfo":{"name":"budget","version":"1"}}}"#
        try client.exchange(post(hello, session: nil), length: httpLength)
        let answer = client.answer
        guard let start = answer.firstRange(of: "mcp-session-id: ".utf8)?.upperBound else {
            throw WrongOutcome(description: "the gateway gives no session")
        }
        let session = String(decoding: answer[start...].prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        try client.exchange(
            post(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, session: session), length: httpLength)
        return session
    }
}

/// A gateway with one server behind it, for as long as the process runs.
private enum LocalGateway {
    private static let upstream = "/tmp/call-budget-upstream-\(getpid()).sock"
    private static let entrance = "/tmp/call-budget-gateway-\(getpid()).sock"

    static func serve(_ eras: Set<ProtocolEra>) throws -> PingPong {
        let endpoint = StreamableHTTPServer(
            application: EchoTool(eras: eras), eventLoopGroup: LocalServer.group, logger: LocalServer.logger)
        let listener = try ListeningSocket.open(.unix(UnixSocketSettings(path: upstream)))
        let server = HTTPServer(
            listeners: [listener], responder: endpoint, eventLoopGroup: LocalServer.group, budget: ByteBudget(),
            logger: LocalServer.logger)
        // Both are ended by the end of the process, which has nothing else to do.
        Task { try await server.run() }
        var address = UpstreamAddress(url: "http://localhost/mcp")
        address.socketPath = upstream
        var settings = GatewaySettings()
        settings.upstreams = [UpstreamSettings(name: "demo", target: .http(address), prefix: "demo")]
        let gateway = Gateway(
            settings, pipeline: nil, version: "budget", eventLoopGroup: LocalServer.group, budget: ByteBudget(),
            logger: LocalServer.logger)
        let clients = try ListeningSocket.open(.unix(UnixSocketSettings(path: entrance)))
        Task { try await gateway.run(listeners: [clients]) }
        atexit {
            unlink(LocalGateway.upstream)
            unlink(LocalGateway.entrance)
        }
        return try PingPong(path: entrance)
    }
}
