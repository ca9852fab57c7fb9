// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

private let secretive = """
    gatehouse: {secret_keys: [house_number]}
    plugins:
      - name: a
        kind: k
        config:
          api_key: abc
          nested: {password: 1234, list: [{token: t1}], max_tokens: 10, detect_api_keys: true}
          from_env: "{{ env.X }}"
          url: redis://user:hunter2@host:1/0
          house-number: 7
          plain: shown
    grpc_server_settings:
      host: 127.0.0.1
    """

@Test func secretsAreMaskedInReports() {
    let attempt = Attempt(secretive, environment: ["X": "environment-secret"])
    #expect(attempt.errors == [])
    let table = attempt.loaded?.report.table ?? ""
    let json = attempt.loaded?.report.json.jsonText ?? ""
    for secret in ["abc", "1234", "t1", "environment-secret", "hunter2"] {
        #expect(!table.contains(secret), "\(secret)")
        #expect(!json.contains(secret), "\(secret)")
    }
    #expect(attempt.reported("plugins[0].config.api_key") == "\"********\" server.yaml:6")
    #expect(attempt.reported("plugins[0].config.nested.list[0].token") == "\"********\" server.yaml:7")
    #expect(attempt.reported("plugins[0].config.nested.max_tokens") == "10 server.yaml:7")
    #expect(attempt.reported("plugins[0].config.nested.detect_api_keys") == "true server.yaml:7")
    #expect(attempt.reported("plugins[0].config.url") == "\"redis://user:********@host:1/0\" server.yaml:9")
    #expect(attempt.reported("plugins[0].config.house-number") == "\"********\" server.yaml:10")
    #expect(attempt.reported("plugins[0].config.plain") == "\"shown\" server.yaml:11")
}

@Test func aReportNamesEveryKeyOfAServerOnce() {
    let report = Attempt("plugins: []").loaded?.report
    let keys = report?.settings.map(\.path.description) ?? []
    #expect(Set(keys).count == keys.count)
    for key in [
        "grpc_server_settings.uds", "grpc_server_settings.inline_limit", "server_settings.port",
        "gatehouse.memory_budget",
    ] {
        #expect(keys.contains(key))
    }
    #expect(report?.settings.allSatisfy { $0.source == .defaultValue } == true)
}

@Test func theTableHasThreeColumns() {
    let report = Attempt("grpc_server_settings: {host: \"a b\", port: 7}", environment: ["PLUGINS_LOG_LEVEL": "debug"])
        .loaded?.report
    let lines = (report?.table ?? "").split(separator: "\n").map {
        $0.split(separator: " ", omittingEmptySubsequences: true)
    }
    #expect(lines.first?.joined(separator: " ") == "KEY VALUE SOURCE")
    #expect(lines.contains { $0.joined(separator: " ") == "grpc_server_settings.port 7 server.yaml:1" })
    #expect(lines.contains { $0.joined(separator: " ") == "grpc_server_settings.host a b server.yaml:1" })
    #expect(lines.contains { $0.joined(separator: " ") == "gatehouse.log_level debug PLUGINS_LOG_LEVEL" })
    #expect(lines.contains { $0.joined(separator: " ") == "grpc_server_settings.uds - default" })
}

private func command(
    _ yaml: String, adjusting adjust: (inout ConfigurationLoader) -> Void = { _ in }
) throws -> (TemporaryFolder, ConfigurationCommand) {
    let folder = try TemporaryFolder()
    var loader = ConfigurationLoader(environment: [:])
    loader.overrides.config = try folder.file("server.yaml", yaml)
    adjust(&loader)
    return (folder, ConfigurationCommand(loader))
}

@Test func checkingAFileInOrderSaysSo() throws {
    let (folder, command) = try command(
        "plugins: [{name: a, kind: k}, {name: b, kind: k, mode: disabled}]\ngrpc_server_settings: {host: '::1'}")
    #expect(
        command.check()
            == .init(
                output:
                    "\(folder.path)/server.yaml: in order: 2 plugins, 1 of them enabled; serves gRPC on [::1]:50051 without TLS\n",
                errors: "", status: 0))
}

@Test func checkingAFileWithFaultsTellsThemAllAndReturnsTwo() throws {
    let (folder, command) = try command("plugin: []\ngrpc_server_settings: {port: x, uds: /tmp/a}\n")
    let outcome = command.check()
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("warning: \(folder.path)/server.yaml:2: grpc_server_settings.uds: everybody may write"))
    #expect(lines[1] == "\(folder.path)/server.yaml:1: plugin: unknown key; did you mean \"plugins\"?")
    #expect(command.show().status == 2)
    #expect(command.show().output == "")
}

@Test func showingAsJSONGivesKeyValueSourceAndPlace() throws {
    let (folder, command) = try command("grpc_server_settings: {host: 127.0.0.1, port: 7}")
    let outcome = command.show(.json)
    #expect(outcome.status == 0)
    let value = try JSONParser.decode(Array(outcome.output.utf8))
    let settings = value["settings"]?.arrayValue ?? []
    #expect(
        settings.contains([
            "key": "grpc_server_settings.port", "value": 7, "source": "file",
            "at": .string("\(folder.path)/server.yaml:1"),
        ]))
    #expect(settings.contains(["key": "grpc_server_settings.uds", "value": nil, "source": "default", "at": nil]))
}

@Test func theExitCodesAreAsDocumented() {
    #expect(ExitStatus.success == 0 && ExitStatus.failure == 1 && ExitStatus.configuration == 2)
    #expect(ExitStatus.signal(15) == 143)
}
