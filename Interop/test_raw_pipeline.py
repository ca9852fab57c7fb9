# SPDX-License-Identifier: Apache-2.0
"""Our pipeline over raw sockets: an unmodified Python plugin server and ours, alone and in one chain with gRPC."""

import json
import subprocess
import time

import pytest

from hook_cases import CASES
from servers import Server, binary, clean_environment

pytestmark = pytest.mark.gatehouse
TOOL = "tool_pre_invoke"
LARGE = 9_007_199_254_740_993


@pytest.fixture(scope="module", params=["reference", "gatehouse"])
def raw_server(request, session_folder):
    """The raw socket server of this generation of ContextForge, and ours."""
    server = Server(
        request.param, session_folder.path, uds=session_folder / f"chain-{request.param}.sock",
        options=("--transport", "unix"),
    )
    yield server
    server.stop()


@pytest.fixture
def gatehouse(folder):
    """Runs `gatehouse plugins` with a chain of these (name, place, further lines)."""

    def run(chain, *arguments: str):
        path = folder / "chain.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("plugins:\n")
            for priority, (name, place, more) in enumerate(chain, 1):
                file.write(f"  - name: {name}\n    kind: external\n    priority: {priority}\n    {place}\n{more}")
        command = [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", arguments[0], "-c", path, "--json", *arguments[1:]]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd=folder.path, env=clean_environment()
        )

    return run


def place(server) -> str:
    return f"unix_socket: {{path: {server.uds}}}"


def answered(process) -> dict:
    assert process.stdout, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("hook", CASES)
def test_chain_changes_what_each_hook_may_change(raw_server, gatehouse, hook):
    payload, _, modified = CASES[hook]
    chain = [("NoOp", place(raw_server), ""), ("Modify", place(raw_server), "")]
    answer = answered(gatehouse(chain, "run", hook, "--payload", json.dumps(payload)))
    assert answer["allowed"] is True, answer
    assert [step["verdict"] for step in answer["steps"]] == ["passed", "changed"]
    if not hook.startswith("http_"):
        changed = {key: value for key, value in answer["modified_payload"].items() if value != payload.get(key)}
        assert changed and all(modified[key] == value for key, value in changed.items())


def test_raw_socket_and_grpc_go_together_in_one_chain(raw_server, gatehouse, tcp):
    chain = [
        ("Modify", place(raw_server), ""), ("NoOp", f'grpc: {{target: "{tcp.target}"}}', ""),
    ]
    answer = answered(gatehouse(chain, "run", TOOL, "--payload", json.dumps({"name": "a", "args": {}})))
    assert answer["allowed"] is True and [step["plugin"] for step in answer["steps"]] == ["Modify", "NoOp"]


def test_violation_and_errors_say_what_they_say_over_grpc(raw_server, gatehouse):
    payload = json.dumps(CASES[TOOL][0])
    blocked = answered(gatehouse([("Block", place(raw_server), "")], "run", TOOL, "--payload", payload))
    assert blocked["error"]["code"] == -32001 and blocked["http_status"] == 451
    failed = gatehouse([("Throw", place(raw_server), "    mode: enforce\n")], "run", TOOL, "--payload", payload)
    assert failed.returncode == 1 and answered(failed)["allowed"] is False


def test_identifier_beyond_doubles_comes_back_as_it_was_sent(raw_server, gatehouse):
    payload = json.dumps({"name": "search", "args": {"id": LARGE, "list": [LARGE, 1.5]}})
    answer = answered(gatehouse([("Modify", place(raw_server), "")], "run", TOOL, "--payload", payload))
    assert answer["modified_payload"]["args"] == {"id": LARGE, "list": [LARGE, 1.5], "added": True}


def test_call_that_takes_too_long_ends_in_time(raw_server, gatehouse):
    chain = [("Never", place(raw_server), "    timeout: 0.5\n")]
    start = time.monotonic()
    process = gatehouse(chain, "run", TOOL, "--payload", json.dumps({"name": "a", "args": {}}))
    assert process.returncode == 1 and time.monotonic() - start < 30
    assert answered(process)["error"]["data"]["plugin_name"] == "Never"


def test_socket_of_nobody_blocks_and_is_named(folder, gatehouse):
    chain = [("Gone", f"unix_socket: {{path: {folder / 'nobody.sock'}}}", "    hooks: [tool_pre_invoke]\n")]
    process = gatehouse(chain, "run", TOOL, "--payload", json.dumps({"name": "a", "args": {}}))
    answer = answered(process)
    assert process.returncode == 1 and answer["allowed"] is False
    assert "nobody.sock" in answer["error"]["message"] and "there is no such socket" in answer["error"]["message"]


def test_two_lines_tell_that_the_plugin_was_loaded_and_from_where(raw_server, gatehouse):
    process = gatehouse([("Echo", place(raw_server), "")], "list", "-l", "info")
    assert "Loaded external plugin 'Echo' via Unix socket transport" in process.stderr
    assert f"Connected to Unix socket plugin server at unix:{raw_server.uds}" in process.stderr
