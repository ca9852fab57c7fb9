// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The standard health service, `grpc.health.v1.Health` (gRPC: doc/health-checking.md), over a registry.
package struct HealthService: Sendable {
    /// The name of the service.
    package static let name = "grpc.health.v1.Health"

    /// `List` refuses to list more, as the protocol says.
    static let listLimit = 100

    private let registry: HealthRegistry

    /// A service that tells what `registry` knows.
    package init(registry: HealthRegistry) {
        self.registry = registry
    }

    /// The methods to register with a server: Check, Watch and List.
    package var methods: [GRPCMethod] {
        [
            .unary("/\(Self.name)/Check") { [registry] call in
                let service = try Self.service(in: call.message)
                guard let status = registry.status(of: service) else {
                    throw GRPCStatus(.notFound, "the health of service \"\(service)\" is not known; check its name")
                }
                return Self.response(status).message
            },
            .unary("/\(Self.name)/List") { [registry] _ in
                guard let services = registry.all(limit: Self.listLimit) else {
                    throw GRPCStatus(
                        .resourceExhausted,
                        "there are more than \(Self.listLimit) services; ask for each with Check"
                    )
                }
                var writer = ProtobufWriter()
                for (name, status) in services {
                    // An entry of a map is a message with the key in field 1 and the value in field 2.
                    writer.write(1) { entry in
                        entry.write(1, bytes: name)
                        entry.write(2, bytes: Self.response(status).bytes)
                    }
                }
                return writer.message
            },
            .serverStreaming("/\(Self.name)/Watch") { [registry] call, writer in
                for await status in registry.watch(try Self.service(in: call.message)) {
                    try await writer.send(Self.response(status).message)
                }
                try Task.checkCancellation()
                throw GRPCStatus(.unavailable, "the server is shutting down; connect to another")
            },
        ]
    }

    private static func response(_ status: HealthRegistry.Status) -> ProtobufWriter {
        var writer = ProtobufWriter()
        writer.write(1, varint: status.rawValue)
        return writer
    }

    private static func service(in message: ByteBuffer) throws -> String {
        var reader = ProtobufReader(message)
        var service = ""
        do throws(ProtobufReader.Malformed) {
            while let (field, value) = try reader.next() {
                if field == 1 { service = try value.asString() }
            }
        } catch {
            throw GRPCStatus(.internal, "the request is no HealthCheckRequest; encode it as protobuf")
        }
        return service
    }
}
