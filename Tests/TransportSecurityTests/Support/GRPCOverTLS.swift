// SPDX-License-Identifier: Apache-2.0

import GRPC
import GRPCTransport
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import PluginFramework
import Sockets

@testable import TransportSecurity

/// A gRPC server in this process that echoes, and says who calls.
enum GRPCTestServer {
    static let echo = "/test.Echo/Echo"
    static let who = "/test.Echo/Who"

    static func with<R: Sendable>(
        _ security: TLSServer?, log: LogLines = LogLines(), _ body: (_ port: Int) async throws -> R
    ) async throws -> R {
        let bound = AsyncStream<Int>.makeStream()
        let server = try GRPCServer(
            listeners: [ListeningSocket.open(.tcp(host: "127.0.0.1", port: 0))],
            methods: [
                .unary(echo) { call in call.message },
                .unary(who) { call in
                    var buffer = GRPCMessage.buffer(capacity: 64)
                    buffer.writeString(call.peer.identity?.subject ?? "nobody")
                    return buffer
                },
            ],
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, budget: ByteBudget(), logger: log.logger,
            prepareChannel: { try security?.prepare($0) },
            onListening: { addresses in
                if case .tcp(_, let port)? = addresses.first { bound.continuation.yield(port) }
            })
        let running = Task { try await server.run() }
        var ports = bound.stream.makeAsyncIterator()
        let result: Result<R, any Error>
        do {
            result = .success(try await body(await ports.next() ?? 0))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = try? await running.value
        return try result.get()
    }
}

extension GRPCChannel {
    /// A channel to this machine, under whatever name.
    static func to(_ port: Int, host: String = "localhost", _ client: TLSClient?) throws -> GRPCChannel {
        var configuration = GRPCChannelConfiguration()
        // Other tests may keep the machine busy for a long time.
        configuration.connectTimeout = .seconds(60)
        configuration.callTimeout = .seconds(60)
        return GRPCChannel(
            target: try GRPCTarget("\(host):\(port)"), configuration: configuration,
            security: client.map { .tls($0) } ?? .plaintext, eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
            budget: ByteBudget(), logger: LogLines().logger,
            resolver: AddressResolver { _, port in [try SocketAddress(ipAddress: "127.0.0.1", port: port)] })
    }

    /// Asks the server who we are, and ends.
    static func ask(_ port: Int, host: String = "localhost", _ client: TLSClient?) async throws -> Answer {
        let channel = try to(port, host: host, client)
        let answer: Answer
        do throws(GRPCStatus) {
            var bytes = try await channel.unary(GRPCTestServer.who, GRPCMessage.buffer(capacity: 0))
            answer = .answered(bytes.readString(length: bytes.readableBytes) ?? "")
        } catch {
            answer = .failed(error.message)
        }
        await channel.shutDown(grace: .zero)
        return answer
    }

    /// What became of a call.
    enum Answer: Equatable {
        case answered(String)
        case failed(String)

        var isAnswered: Bool { if case .answered = self { true } else { false } }
        var text: String {
            switch self {
            case .answered(let text), .failed(let text): text
            }
        }
    }
}

extension TestCertificates {
    /// A listener; `now` lets files be taken that have expired by now.
    func server(
        _ settings: ServerTLSSettings, for application: TLSApplication = .http2, log: LogLines = LogLines(),
        now: CertificateTime = .now
    ) throws -> TLSServer {
        let loader = TLSContextLoader(place: "server", application: application)
        let tls = try ReloadableTLS(place: "server", paths: [], logger: log.logger) { () throws(TLSSettingsError) in
            try loader.load(settings, now: now)
        }
        return TLSServer(
            tls: tls, authentication: settings.clientAuthentication, allowed: try ClientAllowList(settings),
            logger: log.logger)
    }

    /// A dialler; `now` lets files be taken that have expired by now.
    func client(
        _ settings: ClientTLSSettings, for application: TLSApplication = .http2, now: CertificateTime = .now
    ) throws -> TLSClient {
        let loader = TLSContextLoader(place: "client", application: application)
        let tls = try ReloadableTLS(place: "client", paths: [], logger: LogLines().logger) {
            () throws(TLSSettingsError) in try loader.load(settings, now: now)
        }
        return TLSClient(tls: tls, settings: settings, application: application)
    }
}

/// The subject of the certificate that a server shows now.
func shownSubject(port: Int) async throws -> String {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    configuration.applicationProtocols = ["h2"]
    let context = try NIOSSLContext(configuration: configuration)
    let (subjects, continuation) = AsyncStream.makeStream(of: String.self)
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    NIOSSLClientHandler(context: context, serverHostname: nil), Onlooker(found: continuation),
                ])
            }
        }
        .connect(host: "127.0.0.1", port: port).get()
    defer { channel.close(promise: nil) }
    for await subject in subjects { return subject }
    throw TestFailure("the server on port \(port) ended the connection before the handshake was over")
}

/// Tells whose certificate the server shows, at the end of the handshake: a server that wants one of ours closes right after it.
private final class Onlooker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let found: AsyncStream<String>.Continuation

    init(found: AsyncStream<String>.Continuation) { self.found = found }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
        if let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate(),
            let subject = try? LoadedCertificate(certificate).subject
        {
            found.yield(subject)
        }
        found.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { found.finish() }
}
