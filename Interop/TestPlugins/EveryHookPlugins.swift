// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// A plugin that answers each of the twelve hooks with one method.
protocol EveryHookPlugin: Plugin {
    func answer(_ hook: HookName, _ payload: ValueObject) -> Verdict<AnyPayload>
}

extension EveryHookPlugin {
    var customHooks: [HookHandler] {
        HookName.standard.map { hook in
            HookHandler(hook) { (payload: AnyPayload, _) in answer(hook, payload.document.value.objectValue ?? [:]) }
        }
    }
}

/// Lets everything pass without looking at it.
struct NoOpPlugin: Plugin {
    let settings: NoSettings

    var customHooks: [HookHandler] {
        HookName.standard.map { hook in HookHandler(hook) { (_: AnyPayload, _) in Verdict<AnyPayload>.pass } }
    }
}

/// Returns the payload as it came, or what stands for it where the hook's result has another type.
struct EchoPlugin: EveryHookPlugin {
    struct Settings: PluginSettings {
        var greeting = ""
        var limit = 0
        var ratio = 0.0
        var nested: Value = .null
        var endpoint = ""
        var apiKey = ""
        var password = ""
    }

    let settings: Settings

    func answer(_ hook: HookName, _ payload: ValueObject) -> Verdict<AnyPayload> {
        let echoed: Value =
            switch hook {
            case .httpPreRequest, .httpPostRequest: payload["headers", default: [:]]
            case .httpAuthResolveUser: payload["credentials"]?.objectValue.map(Value.object) ?? [:]
            case .httpAuthCheckPermission: ["granted": true, "reason": nil]
            default: .object(payload)
            }
        return .pass(AnyPayload(echoed), metadata: ["hook": .string(hook.rawValue)])
    }
}

/// Changes each payload, and sets every other field of a result.
struct ModifyPlugin: EveryHookPlugin {
    let settings: NoSettings

    func answer(_ hook: HookName, _ payload: ValueObject) -> Verdict<AnyPayload> {
        .pass(
            AnyPayload(.object(Self.modified(hook, payload))),
            metadata: ["modified": .string(hook.rawValue), "count": 2],
            httpHeaders: ["x-result": "modified"], retryDelayMilliseconds: 250)
    }

    private static func modified(_ hook: HookName, _ payload: ValueObject) -> ValueObject {
        var data = payload
        let setMember = { (key: String, name: String, value: Value) in
            var object = data[key]?.objectValue ?? [:]
            object[name] = value
            data[key] = .object(object)
        }
        switch hook {
        case .promptPreFetch: setMember("args", "added", "yes")
        case .promptPostFetch: setMember("result", "description", "changed")
        case .toolPreInvoke:
            data["name"] = .string((data["name"]?.stringValue ?? "") + "-changed")
            setMember("args", "added", true)
            setMember("headers", "x-added", "yes")
        case .toolPostInvoke: data["result"] = ["wrapped": data["result", default: nil]]
        case .resourcePreFetch:
            data["uri"] = .string((data["uri"]?.stringValue ?? "") + "?changed")
            setMember("metadata", "added", 1)
        case .resourcePostFetch: data["content"] = ["wrapped": data["content", default: nil]]
        case .agentPreInvoke:
            data["model"] = "changed-model"
            data["system_prompt"] = "changed"
            data["tools"] = .array((data["tools"]?.arrayValue ?? []) + ["added"])
            setMember("parameters", "added", 0.5)
        case .agentPostInvoke:
            data["tool_calls"] = .array((data["tool_calls"]?.arrayValue ?? []) + [["name": "added"]])
        case .httpPreRequest:
            data = data["headers"]?.objectValue ?? [:]
            data["x-added"] = "yes"
        case .httpPostRequest:
            let status = data["status_code"]?.intValue.map(String.init) ?? "None"
            data = data["response_headers"]?.objectValue ?? [:]
            data["x-added"] = .string(status)
        case .httpAuthResolveUser:
            data = [
                "email": "ada@example.com", "is_admin": false,
                "scheme": data["credentials"]?["scheme"] ?? nil,
            ]
        default:
            let user = data["user_email"]?.stringValue ?? ""
            let permission = data["permission"]?.stringValue ?? ""
            data = ["granted": data["is_admin", default: false], "reason": .string("\(user) asks for \(permission)")]
        }
        return data
    }
}

/// Refuses, with every field of a violation.
struct BlockPlugin: EveryHookPlugin {
    let settings: NoSettings

    func answer(_ hook: HookName, _ payload: ValueObject) -> Verdict<AnyPayload> {
        .block(
            PluginViolation(
                code: "INTEROP_BLOCK", reason: "Not allowed", description: "The hook \(hook) is refused — always",
                details: [
                    "hook": .string(hook.rawValue), "rules": ["a", "b"], "nested": ["limit": 3, "none": nil],
                ],
                mcpErrorCode: -32001, httpStatusCode: 451,
                httpHeaders: ["Retry-After": "60", "X-Reason": "interop"]),
            metadata: ["blocked": true], httpHeaders: ["x-result": "blocked"])
    }
}
