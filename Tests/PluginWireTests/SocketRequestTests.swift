// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import PluginWire
import Testing
import Values

/// What a frame on a raw socket is taken for.
@Suite struct SocketRequestTests {
    private func kind(_ bytes: [UInt8]) -> String {
        switch SocketRequest(ByteBuffer(bytes: bytes)) {
        case .invokeHook(let request): "invoke \(request.hookType) \(request.pluginName)"
        case .getPluginConfig(let request): "config \(request.name)"
        case .getPluginConfigs: "configs"
        case .hello: "hello"
        case .brokenInvokeHook(let plugin, _): "broken \(plugin)"
        case .unknown: "unknown"
        }
    }

    @Test func theFieldsSayWhatItIs() {
        #expect(kind([0x0A, 1, 0x68, 0x12, 1, 0x70]) == "invoke h p")
        #expect(kind([0x0A, 1, 0x6E]) == "config n")
        // A hook without a plugin is what ContextForge's server takes for a name.
        #expect(kind([0x0A, 2, 0x68, 0x68]) == "config hh")
        #expect(kind([]) == "configs")
        #expect(kind([0x20, 1]) == "configs")
        #expect(kind([0x20, 0x80, 0x01]) == "unknown")
        #expect(kind([0x12, 1, 0x70]) == "unknown")
    }

    @Test func bytesThatAreNoMessageAreUnknown() {
        #expect(kind([0xFF]) == "unknown")
        #expect(kind([0x0A, 0x7F, 1]) == "unknown")
        #expect(kind(Array("GET / HTTP/1.1".utf8)) == "unknown")
    }

    @Test func aRequestThatIsBrokenFurtherInNamesItsPlugin() {
        // The payload, field 3, is a Struct whose entry ends early.
        #expect(kind([0x0A, 1, 0x68, 0x12, 1, 0x70, 0x1A, 2, 0x0A, 9]) == "broken p")
    }
}
