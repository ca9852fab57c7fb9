# SPDX-License-Identifier: Apache-2.0
"""Each of the twelve hooks through the real client: payload out, result back."""

import pytest

import peers
from hook_cases import CASES, plain

HOOKS = list(CASES)


@pytest.mark.parametrize("hook", HOOKS)
async def test_payload_survives_the_way_there_and_back(server, connect, hook):
    sent, echoed, _ = CASES[hook]
    client = await connect(server, "Echo")
    result = await client.invoke_hook(hook, peers.payload_for(hook, sent), peers.context())
    assert result.continue_processing is True
    assert result.violation is None
    assert plain(result.modified_payload) == echoed
    assert result.metadata == {"hook": hook}
    assert type(result) is peers.get_hook_registry().get_result_type(hook)


@pytest.mark.parametrize("hook", HOOKS)
async def test_modified_payload_and_every_other_field_of_a_result_arrive(server, connect, hook):
    sent, _, modified = CASES[hook]
    client = await connect(server, "Modify")
    result = await client.invoke_hook(hook, peers.payload_for(hook, sent), peers.context())
    assert plain(result.modified_payload) == modified
    assert result.continue_processing is True
    assert result.metadata == {"modified": hook, "count": 2}
    assert result.http_headers == {"x-result": "modified"}
    assert result.retry_delay_ms == 250


@pytest.mark.parametrize("hook", HOOKS)
async def test_plugin_that_says_nothing_changes_nothing(server, connect, hook):
    client = await connect(server, "NoOp")
    result = await client.invoke_hook(hook, peers.payload_for(hook, CASES[hook][0]), peers.context())
    assert result.continue_processing is True
    assert result.modified_payload is None
    assert result.violation is None
    assert result.metadata == {}
    assert result.http_headers is None
    assert result.retry_delay_ms == 0


def refusal_reaches_the_client(hook: str, ours: bool) -> bool:
    """The 1.0.0 server answers a refusal with the request as modified payload, which its client rejects where the
    hook's result has another type. (A user is any object, so there the request passes for one.)"""
    rejected = ("http_pre_request", "http_post_request", "http_auth_check_permission")
    return ours or peers.GENERATION != "1.0.0" or hook not in rejected


@pytest.mark.parametrize("hook", HOOKS)
async def test_violation_arrives_with_every_field(server, connect, ours, hook):
    client = await connect(server, "Block")
    call = client.invoke_hook(hook, peers.payload_for(hook, CASES[hook][0]), peers.context())
    if not refusal_reaches_the_client(hook, ours):
        with pytest.raises(peers.PluginError):
            await call
        return
    result = await call
    assert result.continue_processing is False
    violation = result.violation
    assert violation.reason == "Not allowed"
    assert violation.description == f"The hook {hook} is refused — always"
    assert violation.code == "INTEROP_BLOCK"
    assert violation.details == {"hook": hook, "rules": ["a", "b"], "nested": {"limit": 3, "none": None}}
    assert violation.mcp_error_code == -32001
    assert violation.http_status_code == 451
    assert violation.http_headers == {"Retry-After": "60", "X-Reason": "interop"}
    if ours:
        # The reference loses both, and may return the request as a changed payload.
        assert result.modified_payload is None
        assert result.metadata == {"blocked": True}
        assert result.http_headers == {"x-result": "blocked"}


async def test_custom_hook_is_served(server, connect):
    client = await connect(server, "Review")
    payload = peers.Review(title="swift", score=41)
    result = await client.invoke_hook(peers.CUSTOM_HOOK, payload, peers.context())
    assert plain(result.modified_payload) == {"title": "SWIFT", "score": 42}


async def test_plugin_with_a_name_beyond_ascii_is_invoked(server, connect):
    sent, echoed, _ = CASES["tool_pre_invoke"]
    client = await connect(server, "Größe-日本")
    result = await client.invoke_hook("tool_pre_invoke", peers.payload_for("tool_pre_invoke", sent), peers.context())
    assert plain(result.modified_payload) == echoed


@pytest.mark.gatehouse
async def test_plugin_is_invoked_whatever_the_case_of_its_name(server, connect):
    client = await connect(server, "mODIFY")
    payload = peers.payload_for("tool_pre_invoke", {"name": "search", "args": {}})
    result = await client.invoke_hook("tool_pre_invoke", payload, peers.context())
    assert result.modified_payload.name == "search-changed"
