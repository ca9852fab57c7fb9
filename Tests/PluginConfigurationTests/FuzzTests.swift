// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

private let seedText = """
    plugins:
      - &p
        name: "a"
        kind: external
        hooks: [tool_pre_invoke, 'prompt_pre_fetch']
        mode: enforce
        priority: 50
        conditions: [{tools: [x], server_ids: []}]
        mcp: {proto: STDIO, cmd: ["python", -m], env: {A: "{{ env.A | default('x') }}"}}
      - <<: *p
        name: b
        kind: k
        config:
          words: [{search: "a\\tb", replace: |
            text
            more
          }]
          n: 0x1F
          t: {{ env.B }}
    plugin_settings: {plugin_timeout: 30, fail_on_plugin_error: false}
    grpc_server_settings: {host: 0.0.0.0, port: 50051, tls: {client_auth: none}}
    """

private let pieces = [
    "\n", " ", "  ", "\t", ":", ": ", "- ", "[", "]", "{", "}", "{{ env.A", " }}", "&a ", "*a", "*p", "!!str ", "!x ",
    "|", ">", "\"", "'",
    "#", "~", "null", "<<: ", "? ", "---\n", "...\n", "%YAML 1.1\n", "\r\n", "é", "\u{FEFF}", "\u{1F600}",
    "9999999999999999999", "-", "@", "`",
]

@Test(arguments: 0..<8)
func damagedFilesEndInSettingsOrInErrors(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<250 {
        var bytes = Array(seedText.utf8)
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let end = min(bytes.count, place + Int.random(in: 0..<30, using: &generator))
                bytes.removeSubrange(place..<end)
            case 1: bytes.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: place)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
            default:
                let end = min(bytes.count, place + Int.random(in: 0..<60, using: &generator))
                bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
            }
        }
        guard let text = try? ConfigurationFile.text(of: bytes) else { continue }
        let attempt = Attempt(text, environment: ["A": "1", "B": "2"])
        #expect((attempt.loaded == nil) == !attempt.errors.isEmpty)
        #expect(attempt.errors.allSatisfy { $0.hasPrefix("server.yaml") && !$0.contains("\n") }, "\(attempt.errors)")
    }
}

@Test(arguments: 0..<4)
func noiseEndsInErrors(seed: UInt64) {
    var generator = SeededGenerator(seed: 1_000 + seed)
    for _ in 0..<250 {
        let text = (0..<Int.random(in: 1...60, using: &generator)).map { _ in
            pieces.randomElement(using: &generator) ?? ""
        }.joined()
        let attempt = Attempt(text)
        #expect((attempt.loaded == nil) == !attempt.errors.isEmpty)
    }
}
