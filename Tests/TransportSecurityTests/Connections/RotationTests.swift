// SPDX-License-Identifier: Apache-2.0

import GRPC
import Glibc
import Logging
import PluginFramework
import Synchronization
import Testing

@testable import TransportSecurity

/// What became of all calls.
private final class Tally: Sendable {
    let answered = Atomic(0)
    private let messages = Mutex<[String]>([])

    var failures: [String] { messages.withLock { $0 } }

    func fail(_ message: String) { messages.withLock { $0.append(message) } }
}

/// A server's and a client's certificate whose files are watched, and who uses them.
private struct RotatingPair {
    let certificates: TestCertificates
    let server: (certificate: String, key: String)
    let client: (certificate: String, key: String)
    let store: TLSStore
    let listener: TLSServer
    let dialler: TLSClient

    init(_ transport: TLSApplication) throws {
        certificates = try TestCertificates()
        server = try certificates.issue(.server, name: "server")
        client = try certificates.issue(.client, name: "client")
        store = TLSStore(logger: LogLines().logger, pollInterval: .milliseconds(20))
        listener = try store.server(certificates.serverSettings(server, .require), for: transport, place: "server")
        dialler = try store.client(certificates.clientSettings(client), for: transport, place: "client")
    }

    /// Replaces both certificates five times; after each time, new handshakes show the new one.
    func rotateFiveTimes(port: Int, _ tally: Tally) async {
        do {
            for round in 1...5 {
                let name = "server-\(round)"
                try rotate(certificates, .server, name, server)
                try rotate(certificates, .client, "client-\(round)", client)
                try await eventually("rotation \(round)") {
                    listener.generation >= round && dialler.generation >= round
                }
                let shown = try await shownSubject(port: port)
                if shown != "CN=\(name),O=Gatehouse" { tally.fail("shows \(shown)") }
            }
        } catch {
            tally.fail("\(error)")
        }
    }
}

/// Ten thousand calls while all certificates are replaced five times: none fails.
@Test func callsDoNotNoticeThatCertificatesRotate() async throws {
    let pair = try RotatingPair(.http2)
    let tally = Tally()

    try await GRPCTestServer.with(pair.listener) { port in
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await pair.store.run() }
            await withTaskGroup(of: Void.self) { work in
                for worker in 0..<20 {
                    work.addTask {
                        do {
                            // Some keep a connection, others make new ones all the time.
                            let callsOfOne = worker.isMultiple(of: 4) ? 20 : 500
                            for _ in 0..<(500 / callsOfOne) {
                                let channel = try GRPCChannel.to(port, pair.dialler)
                                for _ in 0..<callsOfOne {
                                    _ = try await channel.unary(GRPCTestServer.echo, GRPCMessage.buffer(capacity: 8))
                                    tally.answered.add(1, ordering: .relaxed)
                                }
                                await channel.shutDown(grace: .zero)
                            }
                        } catch {
                            tally.fail("\(error)")
                        }
                    }
                }
                work.addTask { await pair.rotateFiveTimes(port: port, tally) }
            }
            tasks.cancelAll()
        }
    }
    #expect(tally.failures == [])
    #expect(tally.answered.load(ordering: .relaxed) == 10_000)
    #expect(pair.store.certificates.contains { $0.subject == "CN=server-5,O=Gatehouse" })
}

/// The same over MCP/HTTP: calls of a plugin server, by callers that keep their connections and by such that come anew all the time.
@Test func callsOverHTTPDoNotNoticeThatCertificatesRotate() async throws {
    let pair = try RotatingPair(.http1)
    let tally = Tally()

    try await MCPTestServer.with(pair.listener) { port in
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await pair.store.run() }
            await withTaskGroup(of: Void.self) { work in
                for worker in 0..<20 {
                    work.addTask {
                        do {
                            let callsOfOne = worker.isMultiple(of: 4) ? 50 : 500
                            for _ in 0..<(500 / callsOfOne) {
                                try await GatewayTestServer.withClient(port, pair.dialler) { client in
                                    for _ in 0..<callsOfOne {
                                        let text = try await client.text(of: "get_plugin_configs")
                                        if text.contains(#""name":"Who""#) {
                                            tally.answered.add(1, ordering: .relaxed)
                                        } else {
                                            tally.fail(text)
                                        }
                                    }
                                }
                            }
                        } catch {
                            tally.fail("\(error)")
                        }
                    }
                }
                work.addTask { await pair.rotateFiveTimes(port: port, tally) }
            }
            tasks.cancelAll()
        }
    }
    #expect(tally.failures == [])
    #expect(tally.answered.load(ordering: .relaxed) == 10_000)
}

/// Replaces a certificate and its key as a tool does that knows nothing of us: one after the other.
private func rotate(
    _ certificates: TestCertificates, _ side: TLSSide, _ commonName: String, _ files: (certificate: String, key: String)
) throws {
    let new = try certificates.issue(
        side, name: "new-\(commonName)", order: certificates.order(side, commonName: commonName))
    guard rename(new.certificate, files.certificate) == 0, rename(new.key, files.key) == 0 else {
        throw TestFailure("cannot replace \(files)")
    }
}
