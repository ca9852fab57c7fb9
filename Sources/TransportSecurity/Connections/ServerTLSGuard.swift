// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOSSL
import NIOTLS
import Sockets
import X509

/// Stands behind TLS in a listener's pipeline until the handshake is over: says who the client is, turns away those that are not
/// allowed, and puts failures into words.
final class ServerTLSGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let handler: NIOSSLServerHandler
    private let server: TLSServer
    private let identified: (@Sendable (PeerIdentity) -> Void)?
    private let handshakeTimeout: TimeAmount?
    private var timer: Scheduled<Void>?
    private var isRefused = false

    init(
        handler: NIOSSLServerHandler, server: TLSServer, handshakeTimeout: TimeAmount?,
        identified: (@Sendable (PeerIdentity) -> Void)?
    ) {
        self.handler = handler
        self.server = server
        self.handshakeTimeout = handshakeTimeout
        self.identified = identified
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard let handshakeTimeout else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: handshakeTimeout) { [self] in
            timer = nil
            isRefused = true
            context.fireErrorCaught(
                TLSFailure(.interrupted, "the client did not complete the TLS handshake in time"))
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        let peer = Self.address(context.channel)
        do {
            let identity = try handler.peerCertificate.map { try PeerIdentity($0) }
            if let allowed = server.allowed {
                guard let identity, allowed.permits(identity) else {
                    refuse(context, "is not among allowed_clients", identity, peer)
                    return
                }
            }
            if let identity {
                server.logger.info("TLS client identified", metadata: Self.metadata(identity, peer))
                identified?(identity)
                context.fireUserInboundEventTriggered(identity)
            }
        } catch {
            // It was verified, so an authority has issued it; who it is cannot be told, so nobody is served.
            refuse(context, "has a certificate that cannot be read: \(error)", nil, peer)
            return
        }
        context.fireUserInboundEventTriggered(event)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isRefused { context.fireChannelRead(data) }
    }

    private func refuse(
        _ context: ChannelHandlerContext, _ reason: String, _ identity: PeerIdentity?, _ peer: String
    ) {
        isRefused = true
        var metadata = identity.map { Self.metadata($0, peer) } ?? ["peer": "\(peer)"]
        metadata["reason"] = "\(reason)"
        server.logger.warning("Refused a TLS client", metadata: metadata)
        context.fireErrorCaught(TLSFailure(.peerRefused, "the client \(reason)"))
        // We are inside the handshake: it has to end first.
        let channel = context.channel
        context.eventLoop.execute { channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isRefused else { return }
        guard let failure = TLSFailure(error, side: .server, certificate: handler.peerCertificate) else {
            context.fireErrorCaught(error)
            return
        }
        // Who merely looks whether somebody listens, or speaks something else, is not worth a line each.
        let level: Logger.Level = failure.code == .peerRefused || failure.code == .refusedByPeer ? .warning : .debug
        server.logger.log(
            level: level, "A TLS handshake failed",
            metadata: ["peer": "\(Self.address(context.channel))", "reason": "\(failure)"])
        context.fireErrorCaught(failure)
    }

    private static func address(_ channel: any Channel) -> String {
        let address = channel.remoteAddress
        return address?.ipAddress.map { "\($0):\(address?.port ?? 0)" } ?? "unknown"
    }

    private static func metadata(_ identity: PeerIdentity, _ peer: String) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["peer": "\(peer)", "subject": "\(identity.subject)"]
        let names = identity.dnsNames + identity.ipAddresses + identity.uris + identity.emailAddresses
        if !names.isEmpty { metadata["names"] = "\(names.prefix(16).joined(separator: ","))" }
        if let spiffeID = identity.spiffeID { metadata["spiffe_id"] = "\(spiffeID)" }
        return metadata
    }
}
