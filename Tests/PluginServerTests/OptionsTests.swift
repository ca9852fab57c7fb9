// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PluginConfiguration
import PluginServer
import Testing

@Suite struct OptionsTests {
    @Test func everyFlagReachesTheConfiguration() throws {
        let options = try PluginServerOptions.parse([
            "-c", "file.yaml", "-H", "::1", "-p", "0", "--uds", "/run/x.sock", "-l", "debug", "--log-format", "json",
            "--grace", "3", "--lenient", "--transport", "grpc", "--transport", "unix",
        ])
        var expected = CommandLineOverrides()
        expected.config = "file.yaml"
        expected.transport = "grpc,unix"
        expected.host = "::1"
        expected.port = "0"
        expected.uds = "/run/x.sock"
        expected.logLevel = "debug"
        expected.logFormat = "json"
        expected.grace = "3"
        expected.lenient = true
        #expect(options.overrides == expected)
    }

    @Test func longNamesAreThoseOfTheReference() throws {
        let options = try PluginServerOptions.parse([
            "--config", "f", "--host", "h", "--port", "1", "--log-level", "info",
        ])
        #expect(options.overrides.config == "f")
        #expect(options.overrides.host == "h")
        #expect(options.overrides.port == "1")
        #expect(options.overrides.logLevel == "info")
    }

    @Test func withoutFlagsNothingIsOverridden() throws {
        let overrides = try PluginServerOptions.parse([]).overrides
        #expect(overrides == CommandLineOverrides())
    }
}
