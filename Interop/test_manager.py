# SPDX-License-Identifier: Apache-2.0
"""The gateway's whole plugin manager, configured with external plugins on our server."""

import pytest
import pytest_asyncio
import yaml

import peers
from hook_cases import CASES, plain

from mcpgateway.plugins.policy import HOOK_PAYLOAD_POLICIES

PRE, POST = "tool_pre_invoke", "tool_post_invoke"


@pytest_asyncio.fixture
async def manager(server, folder):
    """A manager that reaches every plugin by its own gRPC channel, as a gateway's configuration file says."""
    grpc = server.client_settings
    entries = [
        {"name": "Modify", "priority": 1},
        {"name": "Remember", "priority": 2},
        # What follows runs only for tools of its own, so that one manager serves all the tests.
        {"name": "Block", "priority": 3, "conditions": [{"tools": ["forbidden"]}], "hooks": [PRE]},
        {"name": "Fail", "priority": 4, "conditions": [{"tools": ["failing"]}]},
        {"name": "Throw", "priority": 5, "mode": "enforce_ignore_error", "conditions": [{"tools": ["flaky"]}]},
        # Not for the hooks whose result has another type: the manager hands that on to the next plugin as its payload.
        {"name": "NoOp", "priority": 6, "hooks": [hook for hook in CASES if not hook.startswith("http_")]},
    ]
    config = {
        "plugins": [{**entry, "kind": "external", "grpc": grpc} for entry in entries],
        "plugin_settings": {"fail_on_plugin_error": False, "plugin_timeout": 30},
    }
    path = folder / "gateway.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file)
    peers.PluginManager.reset()
    made = peers.PluginManager(path, hook_policies=HOOK_PAYLOAD_POLICIES)
    await made.initialize()
    yield made
    await made.shutdown()
    peers.PluginManager.reset()


def request(**fields) -> peers.GlobalContext:
    return peers.GlobalContext(request_id="r-1", **fields)


def tool(name: str):
    return peers.payload_for(PRE, {"name": name, "args": {}})


async def test_all_external_plugins_are_loaded_with_the_servers_hooks(manager):
    assert manager.plugin_count == 6
    assert manager.has_hooks_for("http_auth_check_permission")
    assert manager.get_plugin("Modify").config.priority == 1
    assert len(manager.get_plugin("Modify").config.hooks) == 12


@pytest.mark.parametrize("hook", list(CASES))
async def test_chain_hands_on_what_a_plugin_changed(manager, hook):
    sent, _, modified = CASES[hook]
    result, _ = await manager.invoke_hook(hook, peers.payload_for(hook, sent), request(user="ada"))
    assert result.continue_processing is True
    assert plain(result.modified_payload) == modified
    assert result.metadata["modified"] == hook
    assert result.retry_delay_ms == 250


async def test_state_reaches_the_post_hook_and_the_request(manager):
    context = request(user={"email": "ada@example.com"}, tenant_id="t")
    _, contexts = await manager.invoke_hook(PRE, tool("search"), context)
    assert context.state["shared"] == {"by": "Remember", "order": [1, 2]}
    payload = peers.payload_for(POST, {"name": "search", "result": "found"})
    result, _ = await manager.invoke_hook(POST, payload, context, local_contexts=contexts)
    seen = result.metadata["seen"]
    assert seen["state"] == {"calls": 1, "tool": "search-changed"}
    assert seen["user"] == {"email": "ada@example.com"}
    assert seen["global_state"]["shared"] == {"by": "Remember", "order": [1, 2]}


async def test_violation_stops_the_chain_and_names_its_plugin(manager):
    result, _ = await manager.invoke_hook(PRE, tool("forbidden"), request())
    assert result.continue_processing is False
    assert result.violation.plugin_name == "Block"
    assert result.violation.code == "INTEROP_BLOCK"
    assert result.violation.http_status_code == 451
    assert result.violation.details["rules"] == ["a", "b"]


async def test_violation_is_raised_when_asked_for(manager):
    with pytest.raises(peers.PluginViolationError) as raised:
        await manager.invoke_hook(PRE, tool("forbidden"), request(), violations_as_exceptions=True)
    assert raised.value.violation.code == "INTEROP_BLOCK"
    assert raised.value.violation.http_headers == {"Retry-After": "60", "X-Reason": "interop"}


async def test_error_of_an_enforcing_plugin_stops_the_request(manager):
    with pytest.raises(peers.PluginError) as raised:
        await manager.invoke_hook(PRE, tool("failing"), request())
    assert raised.value.error.code == "BACKEND_DOWN"
    assert raised.value.error.mcp_error_code == -32050


async def test_error_is_passed_over_where_the_gateway_says_so(manager):
    result, _ = await manager.invoke_hook(PRE, tool("flaky"), request())
    assert result.continue_processing is True
    assert result.modified_payload.name == "flaky-changed"
