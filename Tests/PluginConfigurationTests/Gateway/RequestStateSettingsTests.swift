// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginFramework
import Testing

@testable import PluginConfiguration

@Suite("Configuration of both eras")
struct RequestStateSettingsTests {
    static let secret = "0123456789abcdef0123456789abcdef"

    @Test("The key comes from the file, a file of its own, or the environment, and is not shown")
    func keys() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("state-key-\(UUID().uuidString)")
        try Data("\(Self.secret)\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let rows: [(String, [String: String])] = [
            ("request_state: {key: \(Self.secret)}", [:]), ("request_state: {key_file: \(file.path)}", [:]),
            ("{}", ["GATEHOUSE_STATE_KEY": Self.secret]),
            ("request_state: {key: other}", ["GATEHOUSE_STATE_KEY": Self.secret]),
        ]
        for (yaml, environment) in rows {
            let attempt = GatewayAttempt(yaml, environment: environment)
            let settings = try #require(attempt.settings, "\(attempt.errors)")
            #expect(settings.requestState.key == Self.secret && attempt.warnings.isEmpty)
            #expect(!(attempt.loaded?.report.table.contains(Self.secret) ?? true))
        }
        #expect(GatewayAttempt("{}").settings?.requestState == RequestStateSettings())
    }

    @Test("The era of a server, the time for answers and the limits of held calls are read")
    func others() throws {
        let attempt = GatewayAttempt(
            """
            mcpServers: {a: {command: x, protocol: handshake}, b: {command: x, protocol: 2026-07-28}, c: {command: x}}
            request_state: {lifetime: 60}
            limits: {max_held_calls: 7, max_held_calls_per_user: 3, max_held_bytes: 1 MiB}
            """)
        let settings = try #require(attempt.settings, "\(attempt.errors)")
        #expect(settings.upstreams.map(\.protocolChoice) == [.handshake, .modern, .auto])
        #expect(settings.requestState.lifetime == .seconds(60))
        #expect(settings.limits.maximumHeldCalls == 7 && settings.limits.maximumHeldCallsPerUser == 3)
        #expect(settings.limits.maximumHeldBytes == 1 << 20)
    }

    @Test(
        "What is wrong is told with its place and remedy",
        arguments: [
            ("request_state: {key: short}", "request_state.key: is shorter than 32 bytes"),
            (
                "request_state: {key: \(secret), key_file: /dev/null}",
                "request_state: has both key and key_file; keep one"
            ),
            ("request_state: {key_file: /nowhere/key}", "request_state.key_file:"),
            ("request_state: {lifetime: 0}", "request_state.lifetime:"),
            ("request_state: {lifetime: 4000}", "request_state.lifetime: is not between 1 second and 3600"),
            ("request_state: {livetime: 3}", "did you mean \"lifetime\"?"),
            ("mcpServers: {a: {command: x, protocol: modern}}", "mcpServers.a.protocol:"),
        ])
    func faults(_ row: (yaml: String, error: String)) {
        let attempt = GatewayAttempt(row.yaml)
        #expect(attempt.errors.contains { $0.contains(row.error) }, "\(attempt.errors)")
    }
}
