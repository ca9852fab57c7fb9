// SPDX-License-Identifier: Apache-2.0

import HTTP
import Logging
import MCPTransport
import NIOCore
import NIOHTTP1
import NIOPosix
import PluginFramework
import Sockets
import Testing
import Values

@Suite struct PluginHTTPEndpointTests {
    private func with(
        info: PluginHTTPEndpoint.ServerInfo = PluginHTTPEndpoint.ServerInfo(),
        _ body: ((HTTPMethod, String, String?) async throws -> (status: UInt, text: String)) async throws -> Void
    ) async throws {
        try await MCPTestServer.with(entries: [.mirror()], info: info) { server in
            let client = HTTPClient(
                eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await body { method, path, text in
                let response = try await client.execute(
                    HTTPClientRequest(
                        method: method, address: try HTTPAddress("http://127.0.0.1:\(server.port)\(path)"),
                        headers: [
                            "content-type": "application/json", "accept": "application/json, text/event-stream",
                        ],
                        body: ByteBuffer(string: text ?? "")),
                    deadline: .now() + .seconds(120))
                return (response.status.code, String(buffer: try await response.collect(upTo: 1 << 20)))
            }
            await client.shutDown()
        }
    }

    @Test func healthIsThatOfThePlugins() async throws {
        try await with { request in
            let health = try await request(.GET, "/health", nil)
            #expect(health == (200, #"{"status":"healthy"}"#))
            #expect(try await request(.POST, "/health", "").status == 405)
            #expect(try await request(.GET, "/elsewhere", nil).status == 404)
        }
    }

    @Test func metricsAreServedUnlessTheyAreOff() async throws {
        try await with { request in
            let metrics = try await request(.GET, "/metrics/prometheus", nil)
            #expect(metrics.status == 200)
            #expect(
                metrics.text.contains(
                    #"plugin_info{server_name="MCP Plugin Server",transport="http",ssl_enabled="false"} 1"#))
            #expect(metrics.text.contains(#"gatehouse_plugin_serving{plugin="Mirror"} 1"#))
        }
        try await with(info: PluginHTTPEndpoint.ServerInfo(hasMetrics: false)) { request in
            let metrics = try await request(.GET, "/metrics/prometheus", nil)
            #expect(metrics == (503, #"{"error":"Metrics collection is disabled"}"#))
        }
    }

    private func call(_ name: String, _ arguments: String) -> String {
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\#(name)","arguments":\#(arguments)}}"#
    }

    @Test func theThreeToolsAreListedAndAnswer() async throws {
        try await with { request in
            let list = try await request(.POST, "/mcp", #"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#)
            for tool in ["get_plugin_configs", "get_plugin_config", "invoke_hook"] {
                #expect(list.text.contains(#""name":"\#(tool)""#))
            }
            let one = try await request(.POST, "/mcp", call("get_plugin_config", #"{"name":"MIRROR"}"#))
            #expect(one.text.contains(#"\"name\":\"Mirror\""#))
            let none = try await request(.POST, "/mcp", call("get_plugin_config", #"{"name":"nobody"}"#))
            #expect(none.text.contains(#""text":"{}""#))
            let all = try await request(.POST, "/mcp", call("get_plugin_configs", "{}"))
            #expect(all.text.contains(#"\"name\":\"Mirror\""#))
        }
    }

    @Test(arguments: [
        ("{}", "hook_type"), (#"{"hook_type":1,"plugin_name":"m","payload":{},"context":{}}"#, "hook_type"),
        (#"{"hook_type":"h","plugin_name":"m","context":{}}"#, "payload"),
        (#"{"hook_type":"h","plugin_name":"m","payload":[],"context":{}}"#, "payload"),
        (#"{"hook_type":"h","plugin_name":"m","payload":{},"context":{}}"#, "context.global_context"),
        (
            #"{"hook_type":"h","plugin_name":"m","payload":{},"context":{"global_context":{"request_id":7}}}"#,
            "context.global_context.request_id"
        ),
        (
            #"{"hook_type":"h","plugin_name":"m","payload":{},"context":{"state":1,"global_context":{"request_id":""}}}"#,
            "context.state"
        ),
    ])
    func argumentsThatAreNoneAreNamed(_ arguments: String, _ member: String) async throws {
        try await with { request in
            let answer = try await request(.POST, "/mcp", call("invoke_hook", arguments))
            #expect(answer.status == 200)
            #expect(answer.text.contains(#""isError":true"#))
            #expect(answer.text.contains("invoke_hook: \(member) "), "\(answer.text)")
        }
    }

    @Test func whatIsNoToolIsARPCError() async throws {
        try await with { request in
            #expect(try await request(.POST, "/mcp", call("rm", "{}")).text.contains("-32602"))
            #expect(try await request(.POST, "/mcp", call("invoke_hook", "[]")).text.contains("-32602"))
            let unknown = try await request(.POST, "/mcp", #"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#)
            #expect(unknown.text.contains("-32601"))
        }
    }
}
