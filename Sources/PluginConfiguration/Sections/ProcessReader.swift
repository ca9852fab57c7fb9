// SPDX-License-Identifier: Apache-2.0

internal import PluginFramework

/// Reads what is not about one server: `gatehouse` and `plugin_settings`.
struct ProcessReader {
    let root: SettingsSection

    private var session: LoadSession { root.session }

    /// `gatehouse`, but for `transports` and the clients.
    func readProcess(_ section: SettingsSection) -> ProcessSettings {
        let flags = session.overrides
        var settings = ProcessSettings()
        settings.logLevel =
            section.setting(
                "log_level",
                .choice(
                    "a log level", aliases: ["warn": .warning, "fatal": .critical, "notset": .trace], ignoresCase: true),
                default: settings.logLevel, variables: ["PLUGINS_LOG_LEVEL"], flag: ("--log-level", flags.logLevel)
            ).value
        settings.logFormat =
            section.setting(
                "log_format", .choice("a log format", ignoresCase: true), default: settings.logFormat,
                variables: ["GATEHOUSE_LOG_FORMAT"], flag: ("--log-format", flags.logFormat)
            ).value
        settings.gracePeriod =
            section.setting(
                "grace_period", .secondsOrNever, default: settings.gracePeriod, variables: ["GATEHOUSE_GRACE_PERIOD"],
                flag: ("--grace", flags.grace)
            ).value ?? .zero
        settings.memoryBudget =
            section.setting(
                "memory_budget", .bytes(in: (1 << 20)...(1 << 40)), default: settings.memoryBudget,
                variables: ["GATEHOUSE_MEMORY_BUDGET"]
            ).value
        settings.exposesSecrets =
            section.setting(
                "expose_config", .choice("an exposure"), default: ConfigExposure.masked,
                variables: ["GATEHOUSE_EXPOSE_CONFIG"]
            ).value == .full
        settings.secretKeys = section.texts("secret_keys")
        settings.initializationTimeout =
            section.setting("initialization_timeout", .seconds, default: settings.initializationTimeout).value
        settings.stallLimit = section.setting("stall_limit", .seconds, default: settings.stallLimit).value
        settings.maximumAbandonedCalls =
            section.setting(
                "max_abandoned_calls", .integer(in: 1...1_000_000), default: settings.maximumAbandonedCalls
            ).value
        return settings
    }

    /// `plugin_settings`.
    func readPipeline() -> PipelineSettings {
        let section = root.section("plugin_settings")
        var settings = PipelineSettings()
        func bool(_ key: String, _ value: inout Bool) { value = section.setting(key, .bool, default: value).value }
        bool("parallel_execution_within_band", &settings.runsPriorityInParallel)
        settings.pluginTimeout =
            section.setting(
                "plugin_timeout", .seconds, default: settings.pluginTimeout, variables: ["PLUGINS_PLUGIN_TIMEOUT"]
            ).value
        bool("fail_on_plugin_error", &settings.failsOnPluginError)
        bool("enable_plugin_api", &settings.enablesPluginAPI)
        settings.healthCheckInterval =
            section.setting("plugin_health_check_interval", .seconds, default: settings.healthCheckInterval).value
        bool("include_user_info", &settings.includesUserInfo)
        let payloadSize = section.setting(
            "max_payload_size", .bytes(in: 0...(1 << 40)), default: settings.maximumPayloadSize ?? 0
        ).value
        settings.maximumPayloadSize = payloadSize == 0 ? nil : payloadSize
        settings.defaultHookPolicy =
            section.setting(
                "default_hook_policy", .choice("a policy", ignoresCase: true), default: settings.defaultHookPolicy,
                variables: ["PLUGINS_DEFAULT_HOOK_POLICY"]
            ).value
        settings.maximumBackgroundCalls =
            section.setting(
                "max_background_calls", .integer(in: 0...1_000_000), default: settings.maximumBackgroundCalls
            ).value
        section.finish()
        return settings
    }
}

/// `expose_config`.
private enum ConfigExposure: String, CaseIterable {
    case masked, full
}
