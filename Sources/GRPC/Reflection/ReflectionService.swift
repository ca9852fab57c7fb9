// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Server reflection, v1 and v1alpha (gRPC: doc/server-reflection.md), so that tools need no `.proto` files.
///
/// Both versions have the same messages and differ in the package's name only.
package struct ReflectionService: Sendable {
    /// The names of the two services.
    package static let names = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]

    private let index: DescriptorIndex
    private let services: [String]

    /// A service that describes what it is given.
    ///
    /// - Parameters:
    ///   - services: the full names of the services to list.
    ///   - files: serialized `FileDescriptorProto`s, those of all imports included.
    /// - Throws: `ReflectionError` when a file is no descriptor, or one that is imported, or that defines one of the
    ///   services, is missing.
    package init(services: [String], files: [[UInt8]]) throws {
        index = try DescriptorIndex(files)
        self.services = services.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for service in services where index.files(defining: service) == nil {
            throw ReflectionError(
                message: "no descriptor defines the service \(service); add its file, or do not list it"
            )
        }
    }

    /// The methods to register with a server: ServerReflectionInfo in both versions.
    package var methods: [GRPCMethod] {
        Self.names.map { name in
            .streaming("/\(name)/ServerReflectionInfo") { _, requests, writer in
                for try await request in requests {
                    try await writer.send(try answer(to: request))
                }
            }
        }
    }

    private enum Question {
        case file(String)
        case symbol(String)
        case fileOfExtension
        case extensionNumbers(String)
        case services
        case nothing
    }

    func answer(to request: ByteBuffer) throws -> ByteBuffer {
        var host = ""
        var question = Question.nothing
        var reader = ProtobufReader(request)
        do throws(ProtobufReader.Malformed) {
            while let (field, value) = try reader.next() {
                switch field {
                case 1: host = try value.asString()
                case 3: question = .file(try value.asString())
                case 4: question = .symbol(try value.asString())
                case 5: question = .fileOfExtension
                case 6: question = .extensionNumbers(try value.asString())
                case 7: question = .services
                default: break
                }
            }
        } catch {
            throw GRPCStatus(.internal, "the request is no ServerReflectionRequest; encode it as protobuf")
        }
        var writer = ProtobufWriter()
        if !host.utf8.isEmpty { writer.write(1, bytes: host.utf8) }
        writer.write(2, bytes: Array(request.readableBytesView))
        answer(question, &writer)
        return writer.message
    }

    private func answer(_ question: Question, _ writer: inout ProtobufWriter) {
        switch question {
        case .file(let name):
            write(index.files(named: name), orMissing: "file \(name)", &writer)
        case .symbol(let name):
            write(index.files(defining: name), orMissing: "symbol \(name)", &writer)
        case .fileOfExtension:
            writeError(.notFound, "this server's services use no extensions", &writer)
        case .extensionNumbers(let type):
            guard index.files(defining: type) != nil else {
                writeError(.notFound, "this server has no type \(type); list_services tells what there is", &writer)
                return
            }
            // Known, and nobody extends it: proto3 messages cannot be.
            writer.write(5) { $0.write(1, bytes: type.utf8) }
        case .services:
            writer.write(6) { list in
                for service in services {
                    list.write(1) { $0.write(1, bytes: service.utf8) }
                }
            }
        case .nothing:
            writeError(.invalidArgument, "the request asks nothing this server knows; set its message_request", &writer)
        }
    }

    private func write(_ files: [[UInt8]]?, orMissing what: String, _ writer: inout ProtobufWriter) {
        guard let files else {
            writeError(.notFound, "this server has no \(what); list_services tells what there is", &writer)
            return
        }
        writer.write(4) { response in
            for file in files { response.write(1, bytes: file) }
        }
    }

    private func writeError(_ code: GRPCStatus.Code, _ message: String, _ writer: inout ProtobufWriter) {
        writer.write(7) { error in
            error.write(1, varint: UInt64(code.rawValue))
            error.write(2, bytes: message.utf8)
        }
    }
}
