// SPDX-License-Identifier: Apache-2.0

package import GRPC
import NIOCore
package import PluginFramework
import PluginWire
import TransportSecurity
import Values

/// The plugin service of ContextForge over gRPC, under both of its package names: a codec in front of a ``PluginService``.
///
/// A plugin's failure travels in band, with gRPC status OK. What is no request of this contract ends with a gRPC status.
package struct PluginServiceMethods: Sendable {
    /// The packages: of ContextForge 1.0.0 and 1.0.1, and of later versions.
    ///
    /// Their messages are the same.
    package static let packages = ["mcpgateway.plugins", "cpex"]

    /// The full names of the services.
    package static let serviceNames = packages.flatMap { ["\($0).PluginService", "\($0).Health"] }

    /// How the servers of each package are asked whether they serve.
    package static let healthPaths = packages.map { "/\($0).Health/Check" }

    let service: any PluginService
    let inlineLimit: Int

    /// Makes the methods of a service.
    ///
    /// - Parameter inlineLimit: Up to how many bytes of request a call is on its connection's event loop, where a plugin may start at
    ///   once; the server's `inline_limit`.
    package init(service: any PluginService, inlineLimit: Int) {
        self.service = service
        self.inlineLimit = inlineLimit
    }

    /// The methods to register with a server.
    package var methods: [GRPCMethod] {
        let contract = Self.packages.flatMap { package in
            [
                // Whatever a plugin answers, the caller gets an answer: what cannot be sent becomes an error in band.
                method("/\(package).PluginService/InvokeHook", invokeHook) { response, peer, buffer in
                    response.encodeReportingFaults(into: &buffer, features: WireFeatures(rawValue: peer.features))
                },
                method("/\(package).PluginService/GetPluginConfig", getPluginConfig),
                method("/\(package).PluginService/GetPluginConfigs", getPluginConfigs),
                method("/\(package).Health/Check", check),
            ]
        }
        let methods = contract + [describePeer, invokeChain]
        return methods + [.carrier(Self.carrier, of: methods)]
    }

    /// What is announced to peers of ours.
    private static let features = WireFeatures.all.union(.multiplexedFrames)

    /// How peers of ours make many calls over one stream; its frames are of the same kinds as those of raw sockets.
    package static let carrier = GRPCCarrier(
        path: "/\(PeerDescription.serviceName)/Calls", feature: WireFeatures.multiplexedFrames.rawValue,
        methods: [
            GRPCCarrier.Method(
                kind: PeerCallKind.invokeHook.rawValue, path: "/\(packages[0]).PluginService/InvokeHook"),
            GRPCCarrier.Method(kind: PeerCallKind.invokeChain.rawValue, path: InvokeChainRequest.path),
        ])

    /// What a peer of ours announces holds for its connection.
    private var describePeer: GRPCMethod {
        .unary(PeerDescription.path) { call in
            do throws(WireError) {
                let description = try PeerDescription(decoding: call.message)
                call.peer.features = WireFeatures(announced: description.features).rawValue
                var buffer = GRPCMessage.buffer(capacity: 64)
                try PeerDescription(features: Self.features.announcement).encode(into: &buffer)
                return buffer
            } catch {
                throw GRPCStatus(.invalidArgument, "\(error)")
            }
        }
    }

    private func method<Request: WireMessage, Response: WireMessage>(
        _ path: String,
        _ answer: @escaping @Sendable (Request, GRPCCall) async -> Response,
        encode: @escaping @Sendable (Response, GRPCPeer, inout ByteBuffer) throws(WireError) -> Void = {
            response, _, buffer throws(WireError) in
            try response.encode(into: &buffer)
        }
    ) -> GRPCMethod {
        .unary(path) { call in
            let request: Request
            do throws(WireError) {
                request = try Request(decoding: call.message)
            } catch {
                throw GRPCStatus(.invalidArgument, "\(error)")
            }
            let response = await answer(request, call)
            var buffer = GRPCMessage.buffer(capacity: 128)
            do throws(WireError) {
                try encode(response, call.peer, &buffer)
            } catch {
                throw GRPCStatus(.internal, "the answer cannot be sent: \(error)")
            }
            return buffer
        }
    }

    @Sendable private func invokeHook(_ request: InvokeHookRequest, _ call: GRPCCall) async -> InvokeHookResponse {
        if let identity = call.peer.identity { request.context.setCaller(CallerIdentity(identity)) }
        let answer = await service.invoke(
            PluginInvocation(
                hook: HookName(rawValue: request.hookType), plugin: request.pluginName, payload: request.payload,
                context: request.context, startsInline: call.message.readableBytes <= inlineLimit))
        return InvokeHookResponse(answer, pluginName: request.pluginName)
    }

    @Sendable private func getPluginConfig(
        _ request: GetPluginConfigRequest, _: GRPCCall
    ) async -> GetPluginConfigResponse {
        GetPluginConfigResponse(config: await service.describe(request.name).map(Document.init))
    }

    @Sendable private func getPluginConfigs(_: GetPluginConfigsRequest, _: GRPCCall) async -> GetPluginConfigsResponse {
        GetPluginConfigsResponse(configs: await service.describeAll().map(Document.init))
    }

    @Sendable private func check(_ request: HealthCheckRequest, _: GRPCCall) async -> HealthCheckResponse {
        let health = await service.health
        guard !request.service.isEmpty, !Self.serviceNames.contains(where: { $0.hasSameBytes(as: request.service) })
        else {
            return HealthCheckResponse(status: health.isServing ? .serving : .notServing)
        }
        guard let isServing = health.plugins[request.service] else {
            return HealthCheckResponse(status: .serviceUnknown)
        }
        return HealthCheckResponse(status: isServing ? .serving : .notServing)
    }
}
