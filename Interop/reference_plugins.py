# SPDX-License-Identifier: Apache-2.0
"""The plugins of plugins.yaml for the Python servers. The Swift plugins of the same names behave alike."""

import asyncio
import os
import time
from types import MethodType

from peers import Plugin, PluginError, PluginErrorModel, PluginResult, PluginViolation, Review, get_hook_registry

STANDARD_HOOKS = (
    "prompt_pre_fetch",
    "prompt_post_fetch",
    "tool_pre_invoke",
    "tool_post_invoke",
    "resource_pre_fetch",
    "resource_post_fetch",
    "agent_pre_invoke",
    "agent_post_invoke",
    "http_pre_request",
    "http_post_request",
    "http_auth_resolve_user",
    "http_auth_check_permission",
)


def _result_payload(hook: str, fields: dict):
    """The payload of a result: the request's type where the two agree, else what the hook's result carries."""
    if hook.startswith("http_"):
        return fields
    return get_hook_registry().get_payload_type(hook).model_validate(fields)


class EveryHookPlugin(Plugin):
    """Answers each of the twelve hooks with one method, `answer`."""

    def __init__(self, config):
        super().__init__(config)
        for hook in STANDARD_HOOKS:
            self._bind(hook)

    def _bind(self, hook: str) -> None:
        async def run(self, payload, context):
            return await self.answer(hook, payload, context)

        setattr(self, hook, MethodType(run, self))

    async def answer(self, hook, payload, context):
        raise NotImplementedError


class NoOpPlugin(EveryHookPlugin):
    """Lets everything pass and returns nothing else."""

    async def answer(self, hook, payload, context):
        return PluginResult(continue_processing=True)


class EchoPlugin(EveryHookPlugin):
    """Returns the payload as it came, or what stands for it where the hook's result has another type."""

    async def answer(self, hook, payload, context):
        data = payload.model_dump()
        if hook in ("http_pre_request", "http_post_request"):
            data = data["headers"]
        elif hook == "http_auth_resolve_user":
            data = dict(data["credentials"] or {})
        elif hook == "http_auth_check_permission":
            data = {"granted": True, "reason": None}
        return PluginResult(modified_payload=_result_payload(hook, data), metadata={"hook": hook})


def modify(hook: str, data: dict):
    """What the Modify plugin makes of each hook's payload."""
    match hook:
        case "prompt_pre_fetch":
            data["args"]["added"] = "yes"
        case "prompt_post_fetch":
            data["result"]["description"] = "changed"
        case "tool_pre_invoke":
            data["name"] += "-changed"
            data["args"]["added"] = True
            data["headers"] = {**(data["headers"] or {}), "x-added": "yes"}
        case "tool_post_invoke":
            data["result"] = {"wrapped": data["result"]}
        case "resource_pre_fetch":
            data["uri"] += "?changed"
            data["metadata"]["added"] = 1
        case "resource_post_fetch":
            data["content"] = {"wrapped": data["content"]}
        case "agent_pre_invoke":
            data["model"] = "changed-model"
            data["system_prompt"] = "changed"
            data["tools"] = [*(data["tools"] or []), "added"]
            data["parameters"]["added"] = 0.5
        case "agent_post_invoke":
            data["tool_calls"] = [*(data["tool_calls"] or []), {"name": "added"}]
        case "http_pre_request":
            data = {**data["headers"], "x-added": "yes"}
        case "http_post_request":
            data = {**(data["response_headers"] or {}), "x-added": str(data["status_code"])}
        case "http_auth_resolve_user":
            data = {"email": "ada@example.com", "is_admin": False, "scheme": data["credentials"]["scheme"]}
        case "http_auth_check_permission":
            data = {"granted": data["is_admin"], "reason": f"{data['user_email']} asks for {data['permission']}"}
    return data


class ModifyPlugin(EveryHookPlugin):
    """Changes each payload, and sets every other field of a result."""

    async def answer(self, hook, payload, context):
        return PluginResult(
            modified_payload=_result_payload(hook, modify(hook, payload.model_dump())),
            metadata={"modified": hook, "count": 2},
            http_headers={"x-result": "modified"},
            retry_delay_ms=250,
        )


class BlockPlugin(EveryHookPlugin):
    """Refuses, with every field of a violation."""

    async def answer(self, hook, payload, context):
        return PluginResult(
            continue_processing=False,
            violation=PluginViolation(
                reason="Not allowed",
                description=f"The hook {hook} is refused — always",
                code="INTEROP_BLOCK",
                details={"hook": hook, "rules": ["a", "b"], "nested": {"limit": 3, "none": None}},
                mcp_error_code=-32001,
                http_status_code=451,
                http_headers={"Retry-After": "60", "X-Reason": "interop"},
            ),
            metadata={"blocked": True},
            http_headers={"x-result": "blocked"},
        )


class FailPlugin(Plugin):
    """Throws the framework's own error, with every field."""

    async def tool_pre_invoke(self, payload, context):
        raise PluginError(
            PluginErrorModel(
                message="The backend is unreachable",
                plugin_name=self.name,
                code="BACKEND_DOWN",
                details={"host": "backend.example", "attempts": 3},
                mcp_error_code=-32050,
            )
        )

    tool_post_invoke = tool_pre_invoke


class ThrowPlugin(Plugin):
    """Throws any other error."""

    async def tool_pre_invoke(self, payload, context):
        raise ValueError("boom at the plugin")

    tool_post_invoke = tool_pre_invoke


class SleepPlugin(Plugin):
    """Suspends for `args.seconds`, then returns the payload as it came."""

    async def tool_pre_invoke(self, payload, context):
        await asyncio.sleep(payload.args["seconds"])
        return PluginResult(modified_payload=payload)


class NeverPlugin(Plugin):
    """Suspends for ever."""

    async def tool_pre_invoke(self, payload, context):
        await asyncio.Event().wait()


class BlockingPlugin(Plugin):
    """Blocks its thread for `args.seconds`. (In Swift the plugin declares itself blocking.)"""

    async def tool_pre_invoke(self, payload, context):
        time.sleep(payload.args["seconds"])
        return PluginResult(modified_payload=payload)


class StallPlugin(BlockingPlugin):
    """Blocks its thread for `args.seconds` too, but does not say so: in Swift the connection's event loop stalls."""


class CrashPlugin(Plugin):
    """Brings its process down."""

    async def tool_pre_invoke(self, payload, context):
        os.abort()


def seen(context) -> dict:
    """The context as the plugin sees it."""
    request = context.global_context
    kind = {type(None): "none", str: "string", dict: "object"}[type(request.user)]
    return {
        "request_id": request.request_id,
        "user": request.user,
        "user_kind": kind,
        "tenant_id": request.tenant_id,
        "server_id": request.server_id,
        "global_state": dict(request.state),
        "global_metadata": dict(request.metadata),
        "state": dict(context.state),
        "metadata": dict(context.metadata),
    }


class InspectPlugin(Plugin):
    """Reports the context it was given, and the payload's JSON kind by kind, in the result's metadata."""

    async def tool_pre_invoke(self, payload, context):
        return PluginResult(metadata={"seen": seen(context), "payload": payload.model_dump()})

    tool_post_invoke = tool_pre_invoke


class RememberPlugin(Plugin):
    """Writes to state, metadata and global state; its post hook reports what it finds there."""

    async def tool_pre_invoke(self, payload, context):
        context.state["calls"] = context.state.get("calls", 0) + 1
        context.state["tool"] = payload.name
        context.metadata["note"] = "from pre"
        context.global_context.state["shared"] = {"by": self.name, "order": [1, 2]}
        return PluginResult()

    async def tool_post_invoke(self, payload, context):
        return PluginResult(metadata={"seen": seen(context)})


class ForgetPlugin(Plugin):
    """Empties state, metadata and global state."""

    async def tool_pre_invoke(self, payload, context):
        context.state.clear()
        context.metadata.clear()
        context.global_context.state.clear()
        return PluginResult()


class NonsensePlugin(Plugin):
    """Returns a payload that is none."""

    async def tool_pre_invoke(self, payload, context):
        return PluginResult(modified_payload={"neither": "a name", "nor": ["arguments"]})


class NumbersPlugin(Plugin):
    """Reports as what kind of number each argument arrived: `int` or `double`."""

    async def tool_pre_invoke(self, payload, context):
        kinds = {key: {int: "int", float: "double"}[type(value)] for key, value in payload.args.items()}
        return PluginResult(modified_payload=payload, metadata={"kinds": kinds})


class LargePlugin(Plugin):
    """Answers with a text of `result.bytes` bytes."""

    async def tool_post_invoke(self, payload, context):
        text = "0123456789abcdef" * (int(payload.result["bytes"]) // 16)
        return PluginResult(modified_payload=payload.model_copy(update={"result": text}))


class ReviewPlugin(Plugin):
    """Serves the custom hook `document_review`."""

    async def document_review(self, payload, context):
        return PluginResult(modified_payload=Review(title=payload.title.upper(), score=payload.score + 1))
