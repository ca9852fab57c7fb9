// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework

/// A way to reach a plugin server, as `bench transports` compares them.
enum BenchTransport: String, CaseIterable, ExpressibleByArgument {
    case grpcTCP = "grpc-tcp"
    case grpcUDS = "grpc-uds"
    case rawSocket = "raw-socket"
    case mcpHTTP = "mcp-http"
    case mcpHTTPUDS = "mcp-http-uds"
    case stdio = "stdio"

    /// What the table calls it.
    var title: String {
        switch self {
        case .grpcTCP: "gRPC, TCP"
        case .grpcUDS: "gRPC, UDS"
        case .rawSocket: "raw socket"
        case .mcpHTTP: "MCP/HTTP"
        case .mcpHTTPUDS: "MCP/HTTP, UDS"
        case .stdio: "stdio"
        }
    }

    /// Where one server listens for this transport; nil over stdio, where the caller starts the server.
    func place(in folder: BenchFolder, name: String) throws -> BenchPlace? {
        switch self {
        case .grpcTCP, .mcpHTTP: .port(try BenchPlace.freePort())
        case .grpcUDS, .rawSocket, .mcpHTTPUDS: .unixSocket("\(folder.path)/\(name)-\(rawValue).sock")
        case .stdio: nil
        }
    }

    /// The command of our server for this transport.
    func server(at place: BenchPlace?, executable: String) -> [String] {
        let transport =
            switch self {
            case .grpcTCP, .grpcUDS: "grpc"
            case .rawSocket: "unix"
            case .mcpHTTP, .mcpHTTPUDS: "http"
            case .stdio: "stdio"
            }
        let address =
            switch place {
            case .port(let port): ["--host", "127.0.0.1", "--port", "\(port)"]
            case .unixSocket(let path): ["--uds", path]
            case nil: [String]()
            }
        return [executable, "bench", "serve", "--log-level", "warning", "--transport", transport] + address
    }

    /// How our own client reaches a server there.
    func external(at place: BenchPlace?, executable: String) -> ExternalPluginSettings {
        let address = place?.description ?? ""
        switch self {
        case .grpcTCP, .grpcUDS:
            var settings = ExternalPluginSettings.GRPCTarget()
            if self == .grpcTCP { settings.target = address } else { settings.uds = address }
            return .grpc(settings)
        case .rawSocket:
            return .unixSocket(.init(path: address))
        case .mcpHTTP, .mcpHTTPUDS:
            var settings = ExternalPluginSettings.MCPTarget(transport: .streamableHTTP)
            settings.url = "http://\(self == .mcpHTTP ? address : "localhost")/mcp"
            if self == .mcpHTTPUDS { settings.uds = address }
            return .mcp(settings)
        case .stdio:
            var settings = ExternalPluginSettings.MCPTarget(transport: .stdio)
            settings.command = server(at: nil, executable: executable)
            return .mcp(settings)
        }
    }
}
