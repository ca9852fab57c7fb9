// SPDX-License-Identifier: Apache-2.0

import Fuzzing
import PluginFramework
import SwiftProtobuf
import Values

// Random messages, and what the generated code must hold for them.
extension SeededGenerator {
    mutating func maybe<Content>(_ make: (inout SeededGenerator) -> Content) -> Content? {
        chance(oneIn: 2) ? make(&self) : nil
    }

    mutating func context() -> ContextValues {
        ContextValues(
            global: GlobalContext(
                requestID: text(),
                user: maybe { $0.chance(oneIn: 2) ? .string($0.text()) : .object($0.object(depth: 2)) },
                tenantID: maybe { "t" + $0.text() }, serverID: maybe { "s" + $0.text() },
                state: object(depth: 2), metadata: object(depth: 2)),
            state: object(depth: 2), metadata: object(depth: 2))
    }

    mutating func headers() -> ValueObject {
        ValueObject((0..<Int.random(in: 0..<4, using: &self)).map { _ in (text(), .string(text())) })
    }

    mutating func result() -> PluginResult {
        PluginResult(
            continueProcessing: .random(using: &self),
            modifiedPayload: maybe { Document(object: $0.object(depth: 3)) },
            violation: maybe { $0.violation() }, metadata: object(depth: 2), httpHeaders: maybe { $0.headers() },
            retryDelayMilliseconds: chance(oneIn: 2) ? 0 : Int.random(in: 1..<100_000, using: &self))
    }

    mutating func violation() -> PluginViolation {
        var violation = PluginViolation(
            code: text(), reason: text(), description: text(), details: object(depth: 2),
            mcpErrorCode: maybe { Int.random(in: -40000 ..< -1, using: &$0) },
            httpStatusCode: maybe { Int.random(in: 100..<600, using: &$0) }, httpHeaders: maybe { $0.headers() })
        violation.pluginName = maybe { "p" + $0.text() }
        return violation
    }

    mutating func error() -> PluginError {
        PluginError(
            "e" + text(), pluginName: "p" + text(), code: text(), details: object(depth: 2),
            mcpErrorCode: Int.random(in: -40000 ..< -1, using: &self))
    }
}

extension Oracle {
    typealias Context = Mcpgateway_Plugins_PluginContext

    static func message(_ values: ContextValues) -> Context {
        .with {
            $0.globalContext = .with {
                $0.requestID = values.global.requestID
                $0.serverID = values.global.serverID ?? ""
                $0.tenantID = values.global.tenantID ?? ""
                switch values.global.user {
                case .string(let name)?: $0.userString = name
                case .object(let user)?: $0.userStruct = message(user)
                default: break
                }
                if !values.global.metadata.isEmpty { $0.metadata = message(values.global.metadata) }
                if !values.global.state.isEmpty { $0.state = message(values.global.state) }
            }
            if !values.state.isEmpty { $0.state = message(values.state) }
            if !values.metadata.isEmpty { $0.metadata = message(values.metadata) }
        }
    }

    static func received(_ values: ContextValues) -> ContextValues {
        var values = values
        values.state = received(values.state)
        values.metadata = received(values.metadata)
        values.global.state = received(values.global.state)
        values.global.metadata = received(values.global.metadata)
        values.global.user = values.global.user.map { received($0) }
        return values
    }

    /// The keys of the reference's PluginResult, as an object.
    static func object(_ result: PluginResult) -> ValueObject {
        var object: ValueObject = ["continue_processing": .bool(result.continueProcessing)]
        object["modified_payload"] = result.modifiedPayload?.value
        object["violation"] = result.violation.map { .object(self.object($0)) }
        if !result.metadata.isEmpty { object["metadata"] = .object(result.metadata) }
        object["http_headers"] = result.httpHeaders.map { .object($0) }
        if result.retryDelayMilliseconds != 0 { object["retry_delay_ms"] = .int(Int64(result.retryDelayMilliseconds)) }
        return object
    }

    private static func object(_ violation: PluginViolation) -> ValueObject {
        var object: ValueObject = [
            "reason": .string(violation.reason), "description": .string(violation.description),
            "code": .string(violation.code),
        ]
        if !violation.details.isEmpty { object["details"] = .object(violation.details) }
        object["mcp_error_code"] = violation.mcpErrorCode.map { .int(Int64($0)) }
        object["http_status_code"] = violation.httpStatusCode.map { .int(Int64($0)) }
        object["http_headers"] = violation.httpHeaders.map { .object($0) }
        object["plugin_name"] = violation.pluginName.map { .string($0) }
        return object
    }

    static func received(_ result: PluginResult) -> PluginResult {
        var result = result
        result.metadata = received(result.metadata)
        result.modifiedPayload = result.modifiedPayload.map { Document(received($0.value)) }
        if let details = result.violation?.details { result.violation?.details = received(details) }
        return result
    }

    static func message(_ error: PluginError) -> Mcpgateway_Plugins_PluginError {
        .with {
            $0.message = error.message
            $0.pluginName = error.pluginName
            $0.code = error.code
            if !error.details.isEmpty { $0.details = message(error.details) }
            $0.mcpErrorCode = Int32(error.mcpErrorCode)
        }
    }
}
