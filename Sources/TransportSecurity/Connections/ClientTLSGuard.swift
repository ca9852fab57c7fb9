// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import NIOTLS

/// Stands behind TLS in a dialler's pipeline until the server has spoken: sees to it that it speaks the right protocol, and puts
/// failures into words.
///
/// With TLS 1.3 a server refuses a client's certificate only after the client's handshake is over (RFC 8446, section 4.4.2.4), so
/// the guard stays until something comes.
final class ClientTLSGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let handler: NIOSSLClientHandler
    private let name: String?
    private let application: TLSApplication
    private var isRefused = false

    init(handler: NIOSSLClientHandler, name: String?, application: TLSApplication) {
        self.handler = handler
        self.name = name
        self.application = application
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent, !isUsable(negotiated) {
            isRefused = true
            let what = negotiated.map { "but \($0)" } ?? "as it names no protocol (ALPN)"
            context.fireErrorCaught(
                TLSFailure(
                    .noCommonProtocol,
                    "the server does not speak \(application.rawValue) over TLS, \(what); dial a port that does"))
            let channel = context.channel
            context.eventLoop.execute { channel.close(promise: nil) }
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// HTTP/2 has to be negotiated (RFC 9113, section 3.3); HTTP/1.1 is what a server speaks that negotiates nothing.
    private func isUsable(_ negotiated: String?) -> Bool {
        switch application {
        case .http2: negotiated == application.rawValue
        case .http1: negotiated == nil || negotiated == application.rawValue
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isRefused else { return }
        let failure = TLSFailure(error, side: .client, name: name, certificate: handler.peerCertificate)
        context.fireErrorCaught(failure ?? error)
    }
}
