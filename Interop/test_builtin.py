# SPDX-License-Identifier: Apache-2.0
"""`gatehouse plugin-server` with the built-in plugins, as a stock gateway calls them: the product's main job."""

import pytest

import peers
from servers import HERE, Server, binary

pytestmark = pytest.mark.gatehouse


@pytest.fixture(scope="module")
def gatehouse(kind, session_folder):
    """The shipped executable with builtin.yaml."""
    program = [binary("GATEHOUSE_BIN", "gatehouse"), "plugin-server"]
    server = Server(kind, session_folder.path, config=HERE / "builtin.yaml", program=program)
    yield server
    server.stop()


def tool(**arguments):
    return peers.payload_for("tool_pre_invoke", {"name": "search", "args": arguments})


async def test_pii_is_masked_in_nested_arguments(gatehouse, connect):
    client = await connect(gatehouse, "PII")
    arguments = {
        "text": "mail ada@example.com now",
        "deep": [{"ssn": "123-45-6789"}, ["4111 1111 1111 1111"]],
        "number": 7,
        "clean": "nothing here",
    }
    result = await client.invoke_hook("tool_pre_invoke", tool(**arguments), peers.context())
    masked = result.modified_payload.args
    assert masked["text"] == "mail [GONE] now"
    assert masked["deep"] == [{"ssn": "[GONE]"}, ["[GONE]"]]
    assert masked["number"] == 7 and masked["clean"] == "nothing here"


async def test_payload_without_pii_is_not_changed(gatehouse, connect):
    client = await connect(gatehouse, "PII")
    result = await client.invoke_hook("tool_pre_invoke", tool(text="plain"), peers.context())
    assert result.continue_processing and result.modified_payload is None


async def test_pii_is_blocked_where_asked_and_never_shown(gatehouse, connect):
    client = await connect(gatehouse, "PIIBlock")
    result = await client.invoke_hook("tool_pre_invoke", tool(text="123-45-6789"), peers.context())
    assert result.continue_processing is False
    assert result.violation.code == "PII_DETECTED_IN_TOOL_ARGS"
    assert "6789" not in result.model_dump_json()


async def test_words_are_replaced_as_python_would(gatehouse, connect):
    client = await connect(gatehouse, "Replace")
    payload = peers.payload_for("prompt_pre_fetch", {"prompt_id": "p", "args": {"text": "craaap, ü@ß", "n": "ok"}})
    result = await client.invoke_hook("prompt_pre_fetch", payload, peers.context())
    assert result.modified_payload.args == {"text": "crud, ß at ü", "n": "ok"}


async def test_denied_word_is_a_violation(gatehouse, connect):
    client = await connect(gatehouse, "Deny")
    payload = peers.payload_for("prompt_pre_fetch", {"prompt_id": "p", "args": {"text": "a forbidden word"}})
    result = await client.invoke_hook("prompt_pre_fetch", payload, peers.context())
    assert result.continue_processing is False and result.violation.code
    payload = peers.payload_for("prompt_pre_fetch", {"prompt_id": "p", "args": {"text": "a fine word"}})
    assert (await client.invoke_hook("prompt_pre_fetch", payload, peers.context())).continue_processing


@pytest.mark.parametrize(
    "argument",
    ["ls; rm -rf /", "'; DROP TABLE users; --", "../../../../etc/passwd", "http://169.254.169.254/latest/meta-data/"],
)
async def test_dangerous_arguments_are_blocked(gatehouse, connect, argument):
    client = await connect(gatehouse, "Security")
    result = await client.invoke_hook("tool_pre_invoke", tool(value=argument), peers.context())
    assert result.continue_processing is False and result.violation.code


async def test_ordinary_arguments_are_not_blocked(gatehouse, connect):
    client = await connect(gatehouse, "Security")
    result = await client.invoke_hook("tool_pre_invoke", tool(value="Which tables are in stock?"), peers.context())
    assert result.continue_processing
