// SPDX-License-Identifier: Apache-2.0

import HTTP
package import ModelContextProtocol
package import PluginFramework
import TransportSecurity
package import Values

/// The plugin contract of ContextForge over MCP: three tools in front of a ``PluginService``.
///
/// A plugin's failure travels in band, in the text of the tool's result.
package struct PluginMCPApplication: MCPServerApplication {
    private let service: any PluginService
    private let inlineLimit: Int
    private let version: String

    /// Makes the application of a service.
    ///
    /// - Parameters:
    ///   - inlineLimit: up to how many bytes of request a plugin may start on the thread that serves the connection.
    ///   - version: what clients are told.
    package init(service: any PluginService, inlineLimit: Int = 64 << 10, version: String) {
        self.service = service
        self.inlineLimit = inlineLimit
        self.version = version
    }

    /// True: a call says everything that it needs.
    package var isStateless: Bool { true }

    /// All revisions.
    package var eras: Set<ProtocolEra> { [.handshake, .modern] }

    package var serverInfo: ValueObject { ["name": .string(PluginTools.serverName), "version": .string(version)] }

    package func initialize(
        _ session: MCPServerSession, _ parameters: InitializeParameters
    ) async throws(JSONRPCError) -> InitializeAnswer { description }

    package func discover(_ call: MCPServerCall) async throws(JSONRPCError) -> InitializeAnswer { description }

    /// What the server says of itself, whichever way it is asked.
    private var description: InitializeAnswer {
        InitializeAnswer(
            capabilities: ["tools": ["listChanged": false]], serverInfo: serverInfo,
            instructions: "Hosts plugins for an MCP gateway; its tools are for the gateway, not for models.")
    }

    package func request(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        if call.method.hasSameBytes(as: "tools/call") { return try await callTool(call) }
        if call.method.hasSameBytes(as: "tools/list") { return Document(PluginTools.list) }
        throw .methodNotFound(call.method)
    }

    private func callTool(_ call: MCPServerCall) async throws(JSONRPCError) -> Document {
        guard let parameters = call.params, let name = parameters["name"]?.stringValue else {
            throw .invalidParams("tools/call needs params.name, a string")
        }
        guard let arguments = parameters.document("arguments")?.encoded as? EncodedJSON ?? Self.nothing,
            arguments.isObject
        else { throw .invalidParams("params.arguments must be an object") }
        do throws(WireJSONError) {
            if name.hasSameBytes(as: PluginTools.invokeHook) {
                return Self.result(try await invokeHook(arguments, of: call))
            }
            if name.hasSameBytes(as: PluginTools.getPluginConfig) {
                return Self.result(try json(await service.describe(try arguments.text("name")) ?? [:]))
            }
            if name.hasSameBytes(as: PluginTools.getPluginConfigs) {
                // One text for each, as ContextForge's servers answer a list.
                var texts: [String] = []
                for description in await service.describeAll() { texts.append(try json(description)) }
                return Self.result(texts)
            }
        } catch {
            return Self.result(["Error executing tool \(name): \(error)"], isError: true)
        }
        throw .invalidParams(
            "there is no tool named \(name); use \(PluginTools.invokeHook), \(PluginTools.getPluginConfig) or "
                + PluginTools.getPluginConfigs)
    }

    private func invokeHook(_ arguments: EncodedJSON, of call: MCPServerCall) async throws(WireJSONError) -> String {
        let request = try HookRequestJSON(arguments)
        if let identity = call.http?.request.peer.identity { request.context.setCaller(CallerIdentity(identity)) }
        let answer = await service.invoke(
            PluginInvocation(
                hook: request.hook, plugin: request.plugin, payload: request.payload, context: request.context,
                startsInline: arguments.count <= inlineLimit))
        return HookAnswerJSON.text(answer, plugin: request.plugin)
    }

    private func json(_ value: Value) throws(WireJSONError) -> String {
        do throws(ValueError) {
            return String(decoding: try JSONWriter.encode(value), as: UTF8.self)
        } catch {
            throw WireJSONError("\(error)")
        }
    }

    // MARK: Results

    /// Arguments that are not there.
    private static let nothing = try? EncodedJSON(checking: Array("{}".utf8))

    private static func result(_ text: String) -> Document { result([text]) }

    private static func result(_ texts: [String], isError: Bool = false) -> Document {
        let content: [Value] = texts.map { ["type": "text", "text": .string($0)] }
        return Document(object: ["content": .array(content), "isError": .bool(isError)])
    }
}
