// SPDX-License-Identifier: Apache-2.0

/// Everything that configuration says about a plugin server.
///
/// Plain data: nothing here reads a file or a variable.
public struct PluginServerSettings: Sendable, Equatable {
    /// The plugins, in configured order, disabled ones included.
    public var plugins: [PluginEntry] = []
    /// `plugin_dirs`: folders of Python plugins, kept because configurations name them; nothing is loaded from them.
    public var pluginDirectories: [String] = []
    /// `plugin_settings`: what holds for all plugins.
    public var pipeline = PipelineSettings()
    /// `gatehouse.transports`: how the server is reached; at least one, none twice.
    public var transports: [PluginServerTransport] = [.grpc]
    /// `grpc_server_settings`: the gRPC listener.
    public var grpc = GRPCServerSettings()
    /// `server_settings`: the MCP listener.
    public var mcp = MCPServerSettings()
    /// `unix_socket_server_settings`: the raw socket listener.
    public var unixSocket = UnixSocketServerSettings()
    /// `gatehouse`: how the process behaves.
    public var process = ProcessSettings()
    /// `gatehouse.grpc_client`: how external plugins are reached over gRPC.
    public var grpcClient = GRPCClientSettings()
    /// `gatehouse.unix_socket_client`: how external plugins are reached over raw Unix sockets.
    public var unixSocketClient = UnixSocketClientSettings()

    /// Makes settings with the defaults and no plugins.
    public init() {}
}

/// How a plugin server is reached, as `PLUGINS_TRANSPORT` names it.
public enum PluginServerTransport: String, Sendable, CaseIterable {
    /// gRPC over TCP or a Unix socket.
    case grpc
    /// MCP over streamable HTTP.
    case http
    /// MCP over standard input and output.
    case stdio
    /// Length-prefixed frames on a Unix socket.
    case unix
}

/// `plugin_settings`: what holds for all plugins.
///
/// The defaults are ContextForge's.
public struct PipelineSettings: Sendable, Equatable {
    /// `parallel_execution_within_band`: whether plugins of one priority run side by side.
    public var runsPriorityInParallel = false
    /// `plugin_timeout`: how long one hook of one plugin may take, unless its entry says otherwise.
    public var pluginTimeout: Duration = .seconds(30)
    /// `fail_on_plugin_error`: whether every error of a plugin blocks, whatever its mode.
    public var failsOnPluginError = false
    /// `enable_plugin_api`: whether the administrative interface shows plugins.
    public var enablesPluginAPI = false
    /// `plugin_health_check_interval`: how often external plugins are asked how they are.
    public var healthCheckInterval: Duration = .seconds(60)
    /// `include_user_info`: whether plugins see who the user is in full.
    public var includesUserInfo = false
    /// `max_payload_size`: the most bytes of a payload that plugins get, counted as JSON text; nil (0 in the file) for no limit.
    ///
    /// 1 MiB by default; ContextForge's limit is fixed at about that.
    public var maximumPayloadSize: Int? = 1 << 20
    /// `default_hook_policy`: whether plugins may change payloads at hooks without a list of writable fields.
    public var defaultHookPolicy: DefaultHookPolicy = .allow
    /// `max_background_calls`: how many calls of `fire_and_forget` plugins may run at a time; further ones are dropped and logged.
    public var maximumBackgroundCalls = 1_000

    /// Makes settings with the defaults.
    public init() {}
}

/// Whether plugins may change payloads at hooks without a list of writable fields, as `PLUGINS_DEFAULT_HOOK_POLICY` names it.
public enum DefaultHookPolicy: String, Sendable, CaseIterable {
    /// Every change is accepted.
    case allow
    /// Every change is rejected.
    case deny
}

/// `gatehouse`: how the process behaves.
///
/// A section of ours that ContextForge ignores.
public struct ProcessSettings: Sendable, Equatable {
    /// How much is logged.
    public enum LogLevel: String, Sendable, CaseIterable {
        /// Everything.
        case trace
        /// What helps to find a fault.
        case debug
        /// What happens.
        case info
        /// What happens rarely.
        case notice
        /// What may need attention.
        case warning
        /// What failed.
        case error
        /// What ends the process.
        case critical
    }

    /// How log lines look.
    public enum LogFormat: String, Sendable, CaseIterable {
        /// For people.
        case text
        /// One JSON object a line.
        case json
    }

    /// `log_level`: how much is logged.
    public var logLevel: LogLevel = .info
    /// `log_format`: how log lines look.
    public var logFormat: LogFormat = .text
    /// `grace_period`: how long calls in flight may go on after the server was asked to end.
    public var gracePeriod: Duration = .seconds(10)
    /// `memory_budget`: how many bytes may be held in buffered messages, by all connections together.
    ///
    /// 256 MiB by default.
    public var memoryBudget = 256 << 20
    /// `expose_config: full`: whether plugin configurations are shown with their secrets.
    public var exposesSecrets = false
    /// `secret_keys`: names of further keys whose values are secret, beside those that look secret.
    public var secretKeys: [String] = []
    /// `initialization_timeout`: how long one plugin may take to prepare.
    public var initializationTimeout: Duration = .seconds(30)
    /// `stall_limit`: how long a plugin may hold its thread before it is called stalled.
    public var stallLimit: Duration = .seconds(1)
    /// `max_abandoned_calls`: how many calls of one plugin may be beyond their time limit without having returned, before
    /// further ones are refused.
    public var maximumAbandonedCalls = 1_000

    /// Makes settings with the defaults.
    public init() {}
}
