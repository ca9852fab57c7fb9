# SPDX-License-Identifier: Apache-2.0
"""The plugin contract over MCP, by streamable HTTP and stdio, in both directions."""

import peers  # (first: it cleans the environment the peers read)

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import pytest_asyncio

import servers
from hook_cases import CASES, plain
from servers import HERE, LIVENESS, PLUGINS, Process, Server, binary, clean_environment

pytestmark = pytest.mark.gatehouse
PRE = "tool_pre_invoke"
LARGE = 9_007_199_254_740_993
OURS = [*servers.command("gatehouse"), "-c", str(PLUGINS)]
REFERENCE = [sys.executable, str(HERE / "reference_mcp_server.py"), "-c", str(PLUGINS)]


# The Python clients against our server.


@pytest.fixture(scope="module")
def http_server(session_folder):
    server = Server("gatehouse", session_folder.path, options=("--transport", "http"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def http_socket(session_folder):
    server = Server(
        "gatehouse", session_folder.path, uds=session_folder / "mcp.sock", options=("--transport", "http")
    )
    yield server
    server.stop()


@pytest.fixture(params=["http", "http over a Unix socket", "stdio"])
def settings(request):
    """The `mcp` block of an entry for our server, by each way there."""
    if request.param == "http":
        address = request.getfixturevalue("http_server").address
        return {"proto": "STREAMABLEHTTP", "url": f"http://{address}/mcp"}
    if request.param == "stdio":
        return {"proto": "STDIO", "cmd": [*OURS, "--transport", "stdio"]}
    uds = request.getfixturevalue("http_socket").uds
    return {"proto": "STREAMABLEHTTP", "url": "http://localhost/mcp", "uds": uds}


@pytest_asyncio.fixture
async def client(settings):
    """Makes initialised clients of the real class; each is used and closed in one task, as its library demands."""

    async def use(name: str, body):
        config = peers.PluginConfig(name=name, kind="external", mcp=peers.MCPClientConfig(**settings))
        plugin = peers.MCPExternalPlugin(config)
        await plugin.initialize()
        try:
            return await body(plugin)
        finally:
            await plugin.shutdown()

    return use


async def test_python_client_runs_every_hook(client):
    async def body(plugin):
        assert plugin.config.description == "Returns every payload as it came"
        assert plugin.config.priority == 10
        for hook, (sent, echoed, _) in CASES.items():
            result = await plugin.invoke_hook(hook, peers.payload_for(hook, sent), peers.context())
            assert plain(result.modified_payload) == echoed
            assert result.metadata == {"hook": hook}

    await client("Echo", body)


async def test_python_client_gets_violations_errors_and_the_context(client):
    async def block(plugin):
        result = await plugin.invoke_hook(PRE, peers.payload_for(PRE, CASES[PRE][0]), peers.context())
        assert result.continue_processing is False
        assert result.violation.code == "INTEROP_BLOCK"
        assert result.violation.mcp_error_code == -32001
        assert result.violation.details["nested"] == {"limit": 3, "none": None}
        assert result.metadata == {"blocked": True}

    async def fail(plugin):
        with pytest.raises(peers.PluginError) as raised:
            await plugin.invoke_hook(PRE, peers.payload_for(PRE, CASES[PRE][0]), peers.context())
        assert raised.value.error.code == "BACKEND_DOWN"
        assert raised.value.error.mcp_error_code == -32050

    async def remember(plugin):
        context = peers.context(user="ada", tenant_id="t")
        await plugin.invoke_hook(PRE, peers.payload_for(PRE, {"name": "search", "args": {}}), context)
        assert context.state["tool"] == "search"
        assert context.global_context.state["shared"]["by"] == "Remember"

    await client("Block", block)
    await client("Fail", fail)
    await client("Remember", remember)


async def test_python_clients_calls_overtake_each_other(client):
    async def body(plugin):
        payload = {"name": "search", "args": {"seconds": 0.5}}
        begun = time.monotonic()
        await asyncio.gather(
            *(plugin.invoke_hook(PRE, peers.payload_for(PRE, payload), peers.context()) for _ in range(8))
        )
        assert time.monotonic() - begun < 8 * 0.5

    await client("Sleep", body)


async def test_plugin_that_the_server_has_not_is_refused(client):
    with pytest.raises(peers.PluginError):
        await client("Nobody", None)


def test_health_and_metrics_are_served_beside_mcp(http_server):
    def get(path: str):
        with urllib.request.urlopen(f"http://{http_server.address}{path}", timeout=LIVENESS) as answer:
            return answer.status, answer.read().decode()

    assert get("/health") == (200, '{"status":"healthy"}')
    status, metrics = get("/metrics/prometheus")
    assert status == 200 and 'plugin_info{server_name="MCP Plugin Server",transport="http"' in metrics


def test_what_a_plugin_prints_does_not_reach_the_client_of_stdio(folder):
    process = subprocess.Popen(
        [*OURS, "--transport", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        cwd=folder.path, env=clean_environment(),
    )
    try:
        for number, (method, params) in enumerate(
            [
                ("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
                ("tools/list", {}),
            ]
        ):
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        # Nothing but messages, and an end when the client is gone.
        assert process.stdout.read() == b""
        assert process.wait(LIVENESS) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


# Our client against the Python server.


@pytest.fixture(scope="module")
def reference_socket(session_folder):
    uds = session_folder / "reference-mcp.sock"
    process = Process([*REFERENCE, "--uds", uds], session_folder.path)
    end = time.monotonic() + LIVENESS
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(uds) == 0:
                break
        assert process.process.poll() is None and time.monotonic() < end, process.log()
        time.sleep(0.05)
    yield uds
    process.stop()


@pytest.fixture(params=["http", "stdio"])
def place(request):
    """The `mcp` block, as YAML, of an entry for the Python server."""
    if request.param == "stdio":
        return f"{{proto: STDIO, cmd: {json.dumps(REFERENCE)}}}"
    uds = request.getfixturevalue("reference_socket")
    return f"{{proto: STREAMABLEHTTP, url: 'http://localhost/mcp', uds: {uds}}}"


@pytest.fixture
def gatehouse(folder):
    """Runs `gatehouse plugins` with a chain of these (name, place, further lines)."""

    def run(chain, *arguments: str):
        path = folder / "chain.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("plugins:\n")
            for priority, (name, where, more) in enumerate(chain, 1):
                file.write(f"  - name: {name}\n    kind: external\n    priority: {priority}\n    mcp: {where}\n{more}")
        command = [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", arguments[0], "-c", path, "--json", *arguments[1:]]
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=120, cwd=folder.path, env=clean_environment()
        )
        assert process.stdout, process.stderr
        return json.loads(process.stdout)

    return run


def test_our_client_drives_the_python_server(place, gatehouse):
    payload = {"name": "search", "args": {"id": LARGE, "whole": 1.0}}
    answer = gatehouse(
        [("NoOp", place, ""), ("Modify", place, "")], "run", PRE, "--payload", json.dumps(payload)
    )
    assert answer["allowed"] is True, answer
    assert [step["verdict"] for step in answer["steps"]] == ["passed", "changed"]
    assert answer["modified_payload"]["args"] == {"id": LARGE, "whole": 1.0, "added": True}


def test_our_client_gets_violations_errors_and_the_context_of_the_python_server(place, gatehouse):
    payload = json.dumps(CASES[PRE][0])
    blocked = gatehouse([("Block", place, "")], "run", PRE, "--payload", payload)
    assert blocked["allowed"] is False and blocked["http_status"] == 451
    assert blocked["error"]["code"] == -32001
    assert blocked["error"]["data"]["plugin_error_code"] == "INTEROP_BLOCK"
    failed = gatehouse([("Fail", place, "    mode: enforce\n")], "run", PRE, "--payload", payload)
    assert failed["allowed"] is False
    remembered = gatehouse([("Remember", place, "")], "invoke", PRE, "--plugin", "remember", "--payload", payload)
    assert remembered["context"]["state"]["tool"] == "search"
    assert remembered["context"]["global_state"]["shared"]["by"] == "Remember"


def test_our_client_runs_scripts_and_passes_folder_and_environment(folder, gatehouse):
    script = folder / "server.sh"
    with open(script, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\ntest "$(pwd)" = "$WANTED_FOLDER" || exit 9\nexec $SERVER --transport stdio\n')
    where = json.dumps(
        {
            "proto": "STDIO",
            "script": "server.sh",
            "cwd": os.path.realpath(folder.path),
            "env": {"WANTED_FOLDER": os.path.realpath(folder.path), "SERVER": " ".join(OURS)},
        }
    )
    answer = gatehouse([("Modify", where, "")], "run", PRE, "--payload", json.dumps(CASES[PRE][0]))
    assert answer["allowed"] is True and answer["steps"][0]["verdict"] == "changed"
