// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import GRPCTransport

/// What a plugin's server says of its mode, and what the file here makes of it.
@Suite struct RemoteEntryTests {
    @Test(
        arguments: [
            ("enforce", nil, PluginMode.enforce, nil), ("permissive", nil, .permissive, nil),
            ("sequential", "fail", .enforce, nil), ("sequential", "ignore", .enforceIgnoreError, nil),
            ("sequential", "disable", .enforceIgnoreError, .disable), ("transform", "fail", .permissive, nil),
            ("audit", nil, .permissive, nil), ("concurrent", nil, .enforce, nil), ("no mode", "ignore", .enforce, nil),
        ] as [(String, String?, PluginMode, PluginErrorPolicy?)])
    func aServersModeIsTakenInTheOldTerms(
        mode: String, onError: String?, expected: PluginMode, policy: PluginErrorPolicy?
    ) {
        let remote: Value = ["mode": .string(mode), "on_error": onError.map(Value.string) ?? .null]
        let entry = PluginEntry(name: "P", kind: "external").merged(with: remote)
        #expect(entry.mode == expected)
        #expect(entry.errorPolicy == policy)
    }

    @Test(arguments: [PluginMode.permissive, .sequential, .enforceIgnoreError])
    func aModeConfiguredHereStandsWithItsMeaningOfErrors(mode: PluginMode) {
        var local = PluginEntry(name: "P", kind: "external")
        local.mode = mode
        let entry = local.merged(with: ["mode": "sequential", "on_error": "ignore"])
        #expect(entry.mode == mode)
        #expect(entry.errorPolicy == nil)
    }
}
