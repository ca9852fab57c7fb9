// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
package import PluginFramework
package import Values

/// Runs one external plugin on a plugin server over MCP, ours or ContextForge's: by streamable HTTP, or as a child process.
package final class MCPPluginInvoker: ExternalPlugin {
    private let channel: MCPPluginChannel
    private let callTimeout: Duration
    /// Whether it can be called, and what its server says of it.
    package let admission: PluginAdmission
    private let release: @Sendable () async -> Void

    init(
        entry: PluginEntry, channel: MCPPluginChannel, transport: String, callTimeout: Duration, logger: Logger,
        release: @escaping @Sendable () async -> Void
    ) {
        admission = PluginAdmission(entry: entry, target: channel.target, transport: transport, logger: logger)
        self.channel = channel
        self.callTimeout = entry.timeout ?? callTimeout
        self.release = release
    }

    /// How the way there is.
    package var channelStatus: MCPChannelStatus { channel.status }

    // MARK: Starting

    /// Connects, and returns when the plugin can be called or it is known that it cannot yet be; after `patience` in any case.
    ///
    /// A plugin that is down is admitted as soon as it answers. One that runs as a child process gets ten seconds at least: it
    /// is starting because of us, and one that cannot start says so at once by ending.
    package func start(patience: Duration) async {
        let channel = channel
        let patience = channel.isProcess ? max(patience, .seconds(10)) : patience
        await admission.start(patience: patience) { [weak self] in
            channel.connect()
            for await status in channel.statusUpdates() {
                guard let self, !Task.isCancelled else { return }
                await self.follow(status)
            }
        }
    }

    private func follow(_ status: MCPChannelStatus) async {
        switch status.connectivity {
        case .idle, .connecting, .shutDown:
            break
        case .failed:
            admission.suspend("the server at \(target) cannot be reached: \(status.failure ?? "no session")")
        case .ready:
            await admission.fetch(status.generation) {
                channel.status.connectivity == .ready
            } describe: {
                await describeRemotely(local.name, timeout: .seconds(5))
            }
        }
    }

    /// Takes no more calls, and lets go of the session.
    package func shutDown() async {
        if admission.shutDown() { await release() }
    }

    // MARK: The three questions

    /// True: a call ends at its deadline here, whatever the server does.
    package var keepsDeadlines: Bool { true }

    /// Runs one hook of the plugin on its server.
    ///
    /// Without a deadline the time limit is the entry's `timeout`, else `plugin_settings.plugin_timeout`.
    package func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        guard let admitted = admission.admitted else { return failure(admission.downError) }
        let left = invocation.deadline.map { $0 - .now } ?? callTimeout
        let context = invocation.context.values
        let parameters: Document
        do throws(WireJSONError) {
            parameters = try HookRequestJSON.parameters(invocation, plugin: admitted.name, context: context)
        } catch {
            let message =
                "the payload or context of \(invocation.hook) cannot be sent to plugin '\(local.name)': \(error)"
            return failure(PluginError(message, pluginName: local.name, code: PluginError.Code.invalidPayload))
        }
        guard left > .zero else { return failure(timeout(invocation, left)) }
        let result: Document
        do throws(MCPClientError) {
            result = try await channel.callTool(parameters, timeout: left)
        } catch {
            return failure(pluginError(of: error, invocation, left))
        }
        do throws(WireJSONError) {
            let answer = try HookAnswerJSON(decoding: try ToolResult.json(result), plugin: local.name)
            return PluginAnswer(
                plugin: local.name, outcome: answer.outcome, context: answer.context?.decode(keeping: context.global))
        } catch {
            let message = "the answer of plugin '\(local.name)' from \(target) cannot be understood: \(error)"
            return failure(PluginError(message, pluginName: local.name, code: PluginError.Code.internalError))
        }
    }

    /// The configuration that the server reports: for this plugin the last known when the server cannot be asked now.
    package func describe(_ plugin: String) async -> Value? {
        let isOwn = plugin.lowercased().hasSameBytes(as: local.name.lowercased())
        guard let admitted = admission.admitted else { return nil }
        switch await describeRemotely(plugin, timeout: .seconds(2)) {
        case .success(let description): return description
        case .failure: return isOwn ? admitted.description : nil
        }
    }

    /// How the plugin is, as far as is known without asking.
    package var health: PluginHealth {
        get async {
            let isServing = admission.admitted != nil && channel.status.connectivity == .ready
            return PluginHealth(isServing: isServing, plugins: [local.name: isServing])
        }
    }

    /// Asks the server for a plugin's configuration; nil when it has no such plugin.
    private func describeRemotely(_ plugin: String, timeout: Duration) async -> Result<Value?, any Error> {
        let parameters: ValueObject = [
            "name": .string(PluginTools.getPluginConfig), "arguments": ["name": .string(plugin)],
        ]
        do {
            let result = try await channel.callTool(Document(object: parameters), timeout: timeout)
            let description = try ToolResult.json(result).decode()
            // An empty object says that there is none. Spelled out: a bare nil next to a Value would be a null.
            return .success(description.objectValue?.isEmpty ?? true ? Value?.none : description)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Failures

    private func failure(_ error: PluginError) -> PluginAnswer {
        PluginAnswer(plugin: local.name, outcome: .failure(error))
    }

    private var place: String { "plugin '\(local.name)' at \(target)" }

    private func timeout(_ invocation: PluginInvocation, _ limit: Duration) -> PluginError {
        PluginError(
            "\(place) did not answer at hook '\(invocation.hook)' within \(max(limit, .zero).secondsDescription); "
                + "raise plugin_settings.plugin_timeout, or timeout of its entry, if it needs more",
            pluginName: local.name, code: PluginError.Code.timeout, details: ["target": .string(target)])
    }

    private func pluginError(
        of error: MCPClientError, _ invocation: PluginInvocation, _ limit: Duration
    ) -> PluginError {
        let (message, code): (String, String)
        switch error {
        case .timeout: return timeout(invocation, limit)
        case .cancelled: (message, code) = ("the call of \(place) was cancelled", PluginError.Code.cancelled)
        case .transport(let text), .sessionLost(let text):
            (message, code) = ("\(place) cannot be called: \(text)", PluginError.Code.unavailable)
        case .rpc(let error):
            (message, code) = (
                "\(place) refused the call: \(error.message) (\(error.code))", PluginError.Code.internalError
            )
        }
        return PluginError(message, pluginName: local.name, code: code, details: ["target": .string(target)])
    }
}
