// SPDX-License-Identifier: Apache-2.0

import Glibc
import PluginFramework
import PluginServer

/// Lets tools be called during business hours only, by the clock of this machine.
struct BusinessHours: Plugin, ToolPreInvoke {
    struct Settings: PluginSettings {
        /// The first hour of the day in which calls may be made, 0 to 23.
        var opens = 8
        /// The first hour of the day in which they may not be made any more, 1 to 24.
        var closes = 18
    }

    let settings: Settings

    init(settings: Settings) throws {
        guard (0...23).contains(settings.opens) else {
            throw SettingsError(key: "opens", "must be an hour from 0 to 23")
        }
        guard (settings.opens + 1...24).contains(settings.closes) else {
            throw SettingsError(key: "closes", "must be an hour after `opens`, at most 24")
        }
        self.settings = settings
    }

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        guard isOpen(hour: currentHour()) else {
            return .block(
                PluginViolation(
                    code: "CLOSED", reason: "Outside business hours",
                    description: "\(call.name) can be called from \(settings.opens):00 to \(settings.closes):00"))
        }
        return .pass
    }

    func isOpen(hour: Int) -> Bool { hour >= settings.opens && hour < settings.closes }

    private func currentHour() -> Int {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return Int(parts.tm_hour)
    }
}

@main
struct Server: PluginServerCommand {
    static let plugins: [any Plugin.Type] = [BusinessHours.self]
}
