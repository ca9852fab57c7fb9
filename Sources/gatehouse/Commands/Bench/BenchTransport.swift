// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginFramework

/// A way to reach a plugin server, as `bench transports` compares them.
enum BenchTransport: String, CaseIterable, ExpressibleByArgument {
    case grpcTCP = "grpc-tcp"
    case grpcUDS = "grpc-uds"
    case raw

    /// What the table calls it.
    var title: String {
        switch self {
        case .grpcTCP: "gRPC, TCP"
        case .grpcUDS: "gRPC, UDS"
        case .raw: "raw socket"
        }
    }

    /// Where one server listens for this transport.
    func place(in folder: BenchFolder, name: String) throws -> BenchPlace {
        switch self {
        case .grpcTCP: .port(try BenchPlace.freePort())
        case .grpcUDS, .raw: .unixSocket("\(folder.path)/\(name).sock")
        }
    }

    /// How our own client reaches a server there.
    func external(at place: BenchPlace) -> ExternalPluginSettings {
        var settings = ExternalPluginSettings.GRPCTarget()
        switch place {
        case .port(let port): settings.target = "127.0.0.1:\(port)"
        case .unixSocket(let path):
            if self == .raw { return .unixSocket(.init(path: path)) }
            settings.uds = path
        }
        return .grpc(settings)
    }

    /// The flags of `gatehouse bench serve` to listen there.
    func serverFlags(at place: BenchPlace) -> [String] {
        switch place {
        case .port(let port): ["--host", "127.0.0.1", "--port", "\(port)"]
        case .unixSocket(let path): (self == .raw ? ["--transport", "unix"] : []) + ["--uds", path]
        }
    }
}
