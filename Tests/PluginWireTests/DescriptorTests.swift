// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf
import Testing

@testable import PluginWire

/// The committed descriptors, read by SwiftProtobuf.
struct DescriptorTests {
    private static func file(_ name: String) throws -> Google_Protobuf_FileDescriptorProto {
        let file = try #require(PluginServiceDescriptors.files.first { $0.name == name })
        return try Google_Protobuf_FileDescriptorProto(serializedBytes: file.descriptor)
    }

    @Test func everyFileIsDescribedBehindThoseItImports() throws {
        var known: Set<String> = []
        for file in PluginServiceDescriptors.files {
            let descriptor = try Google_Protobuf_FileDescriptorProto(serializedBytes: file.descriptor)
            #expect(descriptor.name == file.name)
            #expect(descriptor.dependency == file.imports)
            #expect(known.isSuperset(of: file.imports))
            known.insert(file.name)
        }
        #expect(
            known == [
                "google/protobuf/struct.proto", "mcpgateway/plugins/plugin_service.proto", "cpex/plugin_service.proto",
                "gatehouse/v1/peer.proto",
            ])
    }

    @Test func theListedSymbolsAreThoseOfTheDescriptor() throws {
        for file in PluginServiceDescriptors.files {
            let descriptor = try Google_Protobuf_FileDescriptorProto(serializedBytes: file.descriptor)
            var symbols: Set<String> = []
            func add(_ message: Google_Protobuf_DescriptorProto, in scope: String) {
                let name = "\(scope).\(message.name)"
                symbols.insert(name)
                for nested in message.nestedType { add(nested, in: name) }
                for nested in message.enumType { symbols.insert("\(name).\(nested.name)") }
            }
            for message in descriptor.messageType { add(message, in: descriptor.package) }
            for named in descriptor.enumType { symbols.insert("\(descriptor.package).\(named.name)") }
            for service in descriptor.service {
                symbols.insert("\(descriptor.package).\(service.name)")
                for method in service.method { symbols.insert("\(descriptor.package).\(service.name).\(method.name)") }
            }
            #expect(Set(file.symbols) == symbols)
            #expect(file.symbols.count == symbols.count)
        }
    }

    @Test func bothPackagesHaveTheSameMessagesAndServices() throws {
        let old = try Self.file("mcpgateway/plugins/plugin_service.proto")
        var new = try Self.file("cpex/plugin_service.proto")
        #expect(new.package == "cpex")
        let text = old.textFormatString().replacing("mcpgateway.plugins", with: "cpex")
        new.name = old.name
        #expect(new.textFormatString() == text)
    }

    @Test func theServicesOfTheContractAreThere() throws {
        let file = try Self.file("mcpgateway/plugins/plugin_service.proto")
        #expect(file.service.map(\.name) == ["PluginService", "Health"])
        #expect(file.service.first?.method.map(\.name) == ["GetPluginConfig", "GetPluginConfigs", "InvokeHook"])
        #expect(file.service.last?.method.map(\.name) == ["Check"])
    }
}
