// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework

/// A way to reach a plugin server, as `bench transports` compares them.
enum BenchTransport: String, CaseIterable, ExpressibleByArgument {
    case grpcTCP = "grpc-tcp"
    case grpcUDS = "grpc-uds"

    /// What the table calls it.
    var title: String {
        switch self {
        case .grpcTCP: "gRPC, TCP"
        case .grpcUDS: "gRPC, UDS"
        }
    }

    /// Where one server listens for this transport.
    func place(in folder: BenchFolder, name: String) throws -> BenchPlace {
        switch self {
        case .grpcTCP: .port(try BenchPlace.freePort())
        case .grpcUDS: .unixSocket("\(folder.path)/\(name).sock")
        }
    }

    /// How our own client reaches a server there.
    func external(at place: BenchPlace) -> ExternalPluginSettings {
        switch self {
        case .grpcTCP, .grpcUDS:
            var settings = ExternalPluginSettings.GRPCTarget()
            switch place {
            case .port(let port): settings.target = "127.0.0.1:\(port)"
            case .unixSocket(let path): settings.uds = path
            }
            return .grpc(settings)
        }
    }

    /// The flags of `gatehouse bench serve` to listen there.
    func serverFlags(at place: BenchPlace) -> [String] {
        switch place {
        case .port(let port): ["--host", "127.0.0.1", "--port", "\(port)"]
        case .unixSocket(let path): ["--uds", path]
        }
    }
}
