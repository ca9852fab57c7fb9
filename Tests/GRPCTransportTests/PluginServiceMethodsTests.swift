// SPDX-License-Identifier: Apache-2.0

import GRPCTransport
import Logging
import NIOCore
import NIOHPACK
import PluginFramework
import PluginWire
import Synchronization
import Testing
import Values

@testable import GRPC

private struct Shouter: Plugin, ToolPreInvoke {
    let settings: NoSettings

    func toolPreInvoke(_ call: ToolCall, context: PluginContext) async throws -> Verdict<ToolCall> {
        guard call.name != "silence" else { return .pass }
        guard call.name != "impossible" else { return .pass(metadata: ["nan": .double(.nan)]) }
        guard call.name != "forbidden" else {
            return .block(PluginViolation(code: "NO", reason: "no", description: "not this one"))
        }
        var call = call
        call.name = call.name.uppercased()
        context.state["was"] = .string(call.name)
        return .pass(call)
    }
}

/// Remembers how it was asked to start.
private final class StartRecorder: PluginService {
    let startsInline = Mutex<[Bool]>([])
    var health: PluginHealth { PluginHealth(isServing: true, plugins: [:]) }

    func invoke(_ invocation: PluginInvocation) async -> PluginAnswer {
        startsInline.withLock { $0.append(invocation.startsInline) }
        return PluginAnswer(plugin: invocation.plugin, outcome: .success(PluginResult()))
    }

    func describe(_ plugin: String) async -> Value? { nil }
    func describeAll() async -> [Value] { [] }
    func healthUpdates() -> AsyncStream<PluginHealth> { AsyncStream { $0.finish() } }
}

@Suite struct PluginServiceMethodsTests {
    @Test func requestsOverTheInlineLimitDoNotStartOnTheThreadTheyAreOn() async throws {
        let recorder = StartRecorder()
        let methods = PluginServiceMethods(service: recorder, inlineLimit: 1_000).methods
        for size in [10, 2_000] {
            let text = String(repeating: "x", count: size)
            _ = try await invoke(methods, tool: text)
        }
        #expect(recorder.startsInline.withLock { $0 } == [true, false])
    }

    private func withMethods(_ body: ([GRPCMethod], PluginHost) async throws -> Void) async throws {
        let host = try await PluginHost.load(
            [PluginEntry(name: "Shouter", kind: "Shouter")], registry: PluginRegistry([Shouter.self]),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await body(PluginGRPCEndpoint(service: host).methods, host)
        await host.shutdown()
    }

    private func call<Answer: WireMessage>(
        _ methods: [GRPCMethod], _ path: String, _ request: ByteBuffer, as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        let method = try #require(methods.first { $0.path == path })
        guard case .unary(let handler) = method.handler else { throw GRPCStatus(.unimplemented, "not unary") }
        let call = GRPCCall(path: path, message: request, deadline: nil, metadata: [:], peer: GRPCPeer("test"))
        return try await Answer(decoding: handler(call))
    }

    private func invoke(
        _ methods: [GRPCMethod], tool: String, package: String = "cpex"
    ) async throws -> InvokeHookResponse {
        let request = InvokeHookRequest(
            hookType: "tool_pre_invoke", pluginName: "shouter", payload: ToolCall(name: tool).document,
            context: PluginContext(global: GlobalContext(requestID: "r")))
        return try await call(methods, "/\(package).PluginService/InvokeHook", request.encoded())
    }

    @Test(arguments: PluginServiceMethods.packages)
    func bothPackagesRunHooks(package: String) async throws {
        try await withMethods { methods, _ in
            let answer = try await invoke(methods, tool: "hello", package: package)
            #expect(answer.pluginName == "shouter")
            #expect(answer.context?.state == ["was": "HELLO"])
            guard case .result(let result) = answer.outcome else {
                Issue.record("expected a result, got \(answer.outcome)")
                return
            }
            #expect(result.modifiedPayload?["name"] == "HELLO")
        }
    }

    @Test func aPassWithoutChangesCarriesNeitherPayloadNorContext() async throws {
        try await withMethods { methods, _ in
            let answer = try await invoke(methods, tool: "silence")
            #expect(answer.context == nil)
            #expect(answer.outcome == .result(PluginResult()))
        }
    }

    @Test func aRefusalCarriesItsViolation() async throws {
        try await withMethods { methods, _ in
            guard case .result(let result) = try await invoke(methods, tool: "forbidden").outcome else {
                Issue.record("expected a result")
                return
            }
            #expect(!result.continueProcessing)
            #expect(result.violation?.code == "NO")
            #expect(result.violation?.description == "not this one")
            #expect(result.modifiedPayload == nil)
        }
    }

    @Test func anAnswerThatCannotBeSentIsAnErrorInBand() async throws {
        try await withMethods { methods, _ in
            guard case .error(let error) = try await invoke(methods, tool: "impossible").outcome else {
                Issue.record("expected an error")
                return
            }
            #expect(error.code == "INTERNAL_ERROR")
            #expect(error.message.contains("metadata"))
        }
    }

    @Test func bytesThatAreNoRequestEndWithInvalidArgument() async throws {
        try await withMethods { methods, _ in
            let status = await #expect(throws: GRPCStatus.self) {
                try await call(
                    methods, "/cpex.PluginService/InvokeHook", ByteBuffer(bytes: [0x0A, 0x7F]),
                    as: InvokeHookResponse.self)
            }
            #expect(status?.code == .invalidArgument)
        }
    }

    @Test func configurationsAreFoundWithoutRegardToCase() async throws {
        try await withMethods { methods, _ in
            let found: GetPluginConfigResponse = try await call(
                methods, "/mcpgateway.plugins.PluginService/GetPluginConfig",
                GetPluginConfigRequest(name: "SHOUTER").encoded())
            #expect(found.config?["name"] == "Shouter")
            #expect(found.config?["hooks"] == ["tool_pre_invoke"])
            let missing: GetPluginConfigResponse = try await call(
                methods, "/cpex.PluginService/GetPluginConfig", GetPluginConfigRequest(name: "none").encoded())
            #expect(missing.config == nil)
            let all: GetPluginConfigsResponse = try await call(
                methods, "/cpex.PluginService/GetPluginConfigs", GetPluginConfigsRequest().encoded())
            #expect(all.configs.count == 1)
        }
    }

    @Test(arguments: [
        ("", HealthCheckResponse.Status.serving), ("Shouter", .serving), ("cpex.PluginService", .serving),
        ("mcpgateway.plugins.Health", .serving), ("nobody", .serviceUnknown),
    ])
    func theOldHealthServiceTellsTheStateOfThePlugins(name: String, status: HealthCheckResponse.Status) async throws {
        try await withMethods { methods, host in
            let path = "/mcpgateway.plugins.Health/Check"
            let request = try HealthCheckRequest(service: name).encoded()
            let answer: HealthCheckResponse = try await call(methods, path, request)
            #expect(answer.status == status)
            host.stopAccepting()
            let later: HealthCheckResponse = try await call(methods, path, request)
            #expect(later.status == (status == .serving ? .notServing : .serviceUnknown))
        }
    }
}
