// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

// How verdicts look as JSON, with the keys of ContextForge.

extension PluginViolation {
    var shown: Value {
        [
            "reason": .string(reason), "description": .string(description), "code": .string(code),
            "details": .object(details), "plugin_name": pluginName.map(Value.string) ?? .null,
            "mcp_error_code": mcpErrorCode.map { .int(Int64($0)) } ?? .null,
            "http_status_code": httpStatusCode.map { .int(Int64($0)) } ?? .null,
            "http_headers": httpHeaders.map(Value.object) ?? .null,
        ]
    }
}

extension PluginError {
    var shown: Value {
        [
            "message": .string(message), "plugin_name": .string(pluginName), "code": .string(code),
            "details": .object(details), "mcp_error_code": .int(Int64(mcpErrorCode)),
        ]
    }
}

extension PluginResult {
    var shown: Value {
        [
            "continue_processing": .bool(continueProcessing), "modified_payload": modifiedPayload?.value ?? .null,
            "violation": violation?.shown ?? .null, "metadata": .object(metadata),
            "http_headers": httpHeaders.map(Value.object) ?? .null,
            "retry_delay_ms": .int(Int64(retryDelayMilliseconds)),
        ]
    }
}

extension PipelineStep {
    var shown: Value {
        [
            "plugin": .string(plugin), "verdict": .string(verdict.rawValue), "changed": .bool(isChanged),
            "duration_ms": .double(duration.milliseconds), "violation": violation?.shown ?? .null,
            "error": error?.shown ?? .null,
            "rejected": .array(rejections.map { ["key": .string($0.key), "reason": .string($0.reason)] }),
        ]
    }
}

extension PipelineOutcome {
    var shown: Value {
        var shown: ValueObject = [
            "allowed": .bool(block == nil), "modified_payload": change?.value ?? .null, "metadata": .object(metadata),
            "http_headers": .object(httpHeaders), "retry_delay_ms": .int(Int64(retryDelayMilliseconds)),
            "steps": .array(steps.map(\.shown)),
        ]
        if let block {
            shown["error"] = block.jsonRPCError.value
            shown["http_status"] = .int(Int64(block.httpStatus))
        }
        return .object(shown)
    }
}
