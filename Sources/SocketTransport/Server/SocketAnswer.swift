// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PluginFramework
import PluginWire
import Sockets

/// What is answered to a request on a raw socket.
enum SocketAnswer: Sendable {
    case invokeHook(InvokeHookResponse)
    /// An encoded InvokeChainResponse, and the plugin that was asked first.
    case invokeChain(ByteBuffer, first: String)
    case getPluginConfig(GetPluginConfigResponse)
    case getPluginConfigs(GetPluginConfigsResponse)
    case hello(PeerHello)

    /// An error in band: also for requests that are none, because their callers must get an answer.
    static func failure(_ message: String, plugin: String = "", code: String) -> SocketAnswer {
        .invokeHook(
            InvokeHookResponse(
                pluginName: plugin, outcome: .error(PluginError(message, pluginName: plugin, code: code))))
    }

    /// Appends the answer as a frame with its length.
    ///
    /// - Parameters:
    ///   - tag: The call that it is tagged with; nil for a plain frame.
    ///   - limit: The most bytes of a frame. What is longer, or cannot be sent for another reason, becomes an error in band.
    func write(into buffer: inout ByteBuffer, tag: UInt32?, features: WireFeatures, limit: Int) {
        let start = buffer.writerIndex
        var fault: String?
        do throws(WireError) {
            try append(to: &buffer, tag: tag, features: features)
            let length = buffer.writerIndex - start - FrameReader.prefixLength
            guard length > limit else { return }
            fault =
                "it has \(length) bytes, and a frame at most \(limit); have the plugin answer less, or raise "
                + SocketServerState.key("max_message_size")
        } catch {
            fault = "\(error)"
        }
        guard let fault else { return }
        buffer.moveWriterIndex(to: start)
        let replacement = replacement("the answer cannot be sent: \(fault)")
        // Text alone can be sent; and were it not, an empty frame is an answer that nobody takes for a pass.
        try? replacement.append(to: &buffer, tag: tag, features: [])
    }

    /// The error in place of this answer, in the form that its caller reads.
    private func replacement(_ message: String) -> SocketAnswer {
        switch self {
        case .invokeChain(_, let first):
            let error = PluginError(message, pluginName: first, code: PluginError.Code.internalError)
            let response = InvokeChainResponse(steps: [
                .init(answer: InvokeHookResponse(pluginName: first, outcome: .error(error)), microseconds: 0)
            ])
            var bytes = ByteBuffer()
            try? response.encode(into: &bytes, features: [])
            return .invokeChain(bytes, first: first)
        case .invokeHook(let response):
            return Self.failure(message, plugin: response.pluginName, code: PluginError.Code.internalError)
        case .getPluginConfig, .getPluginConfigs, .hello:
            return Self.failure(message, code: PluginError.Code.internalError)
        }
    }

    private func append(to buffer: inout ByteBuffer, tag: UInt32?, features: WireFeatures) throws(WireError) {
        let start = buffer.writerIndex
        buffer.writeInteger(0 as UInt32)
        if let tag { TaggedFrame.writeHead(.answer, call: tag, into: &buffer) }
        switch self {
        case .invokeHook(let response): response.encodeReportingFaults(into: &buffer, features: features)
        case .invokeChain(let response, _): buffer.writeImmutableBuffer(response)
        case .getPluginConfig(let response): try response.encode(into: &buffer)
        case .getPluginConfigs(let response): try response.encode(into: &buffer)
        case .hello(let hello): try hello.encode(into: &buffer)
        }
        buffer.setInteger(UInt32(buffer.writerIndex - start - FrameReader.prefixLength), at: start)
    }
}
