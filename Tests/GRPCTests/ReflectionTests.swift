// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHPACK
import NIOHTTP2
import Testing

@testable import GRPC

@Suite struct ReflectionTests {
    private static let descriptors = ServiceDescriptors.files.map(\.descriptor)

    private func service() throws -> ReflectionService {
        try ReflectionService(services: [HealthService.name] + ReflectionService.names, files: Self.descriptors)
    }

    /// A ServerReflectionRequest with a string field.
    private func request(_ field: UInt8, _ text: String) -> [UInt8] {
        [field << 3 | 2, UInt8(text.utf8.count)] + Array(text.utf8)
    }

    /// The fields of a message.
    private func fields(_ bytes: [UInt8]) throws -> [(Int, ProtobufReader.Value)] {
        var reader = ProtobufReader(bytes[...])
        var fields: [(Int, ProtobufReader.Value)] = []
        while let next = try reader.next() { fields.append((next.field, next.value)) }
        return fields
    }

    private func bytes(_ field: Int, of message: [UInt8]) throws -> [[UInt8]] {
        try fields(message).filter { $0.0 == field }.map { Array(try $0.1.asBytes()) }
    }

    private func answer(_ request: [UInt8]) throws -> [UInt8] {
        Array(try service().answer(to: ByteBuffer(bytes: request)).readableBytesView)
    }

    private func errorCode(_ answer: [UInt8]) throws -> UInt64? {
        guard let error = try bytes(7, of: answer).first else { return nil }
        guard case .varint(let code)? = try fields(error).first(where: { $0.0 == 1 })?.1 else { return nil }
        return code
    }

    @Test(arguments: ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"])
    func listsServicesInBothVersions(_ version: String) async throws {
        try await TestServer.with(try service().methods) { server async throws in
            try await TestClient.with(port: server.port) { client async throws in
                let stream = client.open(TestClient.headers("/\(version)/ServerReflectionInfo"))
                client.send(TestClient.framed(request(7, "*")), on: stream)
                try await client.wait("the list") { $0.responses[stream]?.messages.count == 1 }
                client.send(TestClient.framed(request(3, "grpc/health/v1/health.proto")), on: stream, endStream: true)
                let response = try await client.response(stream)
                #expect(response.grpcStatus == "0")
                let list = try #require(try bytes(6, of: response.messages[0]).first)
                let names = try bytes(1, of: list).map { String(decoding: try bytes(1, of: $0)[0], as: UTF8.self) }
                #expect(names == (ReflectionService.names + [HealthService.name]).sorted())
                let files = try #require(try bytes(4, of: response.messages[1]).first)
                #expect(try bytes(1, of: files) == [Self.descriptors[0]])
            }
        }
    }

    @Test(
        arguments: [
            "grpc.health.v1.Health", "grpc.health.v1.Health.Check", "grpc.health.v1.HealthCheckRequest",
            "grpc.health.v1.HealthCheckRequest.service", "grpc.health.v1.HealthCheckResponse.ServingStatus",
            "grpc.health.v1.HealthCheckResponse.SERVING",
        ]
    )
    func findsTheFileOfASymbol(_ symbol: String) throws {
        let answer = try answer(request(4, symbol))
        let files = try #require(try bytes(4, of: answer).first)
        #expect(try bytes(1, of: files) == [Self.descriptors[0]])
        #expect(try bytes(2, of: answer) == [request(4, symbol)])
    }

    @Test func everySymbolTheGeneratorKnowsIsFound() throws {
        let index = try DescriptorIndex(Self.descriptors)
        for file in ServiceDescriptors.files {
            #expect(index.files(named: file.name)?.first == file.descriptor)
            for symbol in file.symbols { #expect(index.files(defining: symbol)?.first == file.descriptor) }
        }
    }

    @Test func whatIsNotThereIsNotFound() throws {
        #expect(try errorCode(try answer(request(4, "grpc.health.v1.Nothing"))) == 5)
        #expect(try errorCode(try answer(request(3, "nothing.proto"))) == 5)
        #expect(try errorCode(try answer(request(6, "grpc.health.v1.Nothing"))) == 5)
        #expect(try errorCode(try answer([0x2A, 0])) == 5)
        #expect(try errorCode(try answer([])) == 3)
        #expect(throws: GRPCStatus.self) { try answer([0xFF]) }
    }

    @Test func aKnownTypeHasNoExtensions() throws {
        let type = "grpc.health.v1.HealthCheckRequest"
        let answer = try answer(request(6, type))
        #expect(try bytes(5, of: answer) == [request(1, type)])
        #expect(try errorCode(answer) == nil)
    }

    @Test func aFileComesWithAllItImports() throws {
        // c imports b, b imports a.
        func file(_ name: String, _ imports: [String]) -> [UInt8] {
            request(1, name) + imports.flatMap { request(3, $0) }
        }
        let files = [file("a", []), file("b", ["a"]), file("c", ["b", "a"])]
        let index = try DescriptorIndex(files)
        #expect(index.files(named: "c") == [files[2], files[1], files[0]])
        #expect(throws: ReflectionError.self) { try DescriptorIndex([files[2], files[1]]) }
    }

    @Test func damagedOrMissingDescriptorsAreRefusedAtStart() {
        #expect(throws: ReflectionError.self) { try ReflectionService(services: [], files: [[0xFF]]) }
        #expect(throws: ReflectionError.self) { try ReflectionService(services: [], files: [[]]) }
        #expect(throws: ReflectionError.self) {
            try ReflectionService(services: ["my.Service"], files: Self.descriptors)
        }
        // Messages nested without end.
        var nested: [UInt8] = []
        for _ in 0..<200 {
            var writer = ProtobufWriter()
            writer.write(3, bytes: nested)
            nested = writer.bytes
        }
        var file = ProtobufWriter()
        file.write(1, bytes: "x.proto".utf8)
        file.write(4, bytes: nested)
        #expect(throws: ReflectionError.self) { try ReflectionService(services: [], files: [file.bytes]) }
    }
}
