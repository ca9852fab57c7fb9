# SPDX-License-Identifier: Apache-2.0
"""`gatehouse plugins`: our pipeline drives an unmodified Python plugin server and ours, in one chain, over TCP and a Unix socket."""

import json
import subprocess

import pytest

from hook_cases import CASES
from servers import Server, binary, clean_environment

pytestmark = pytest.mark.gatehouse
LARGE = 9_007_199_254_740_993


@pytest.fixture(scope="module", params=["tcp", "uds"])
def servers_of_both_kinds(request, session_folder):
    """A server of this generation of ContextForge, and one of ours."""
    started = []
    for kind in ("reference", "gatehouse"):
        uds = session_folder / f"{kind}-chain.sock" if request.param == "uds" else None
        started.append(Server(kind, session_folder.path, uds=uds))
    yield started
    for each in started:
        each.stop()


def place(server) -> str:
    return f"uds: {server.uds}" if server.uds else f'target: "{server.target}"'


@pytest.fixture
def gatehouse(folder):
    """Runs `gatehouse plugins` with a chain of these (name, server, further lines) and returns the process."""

    def run(chain, *arguments: str, text: str | None = None):
        path = folder / "chain.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write("plugins:\n")
            for priority, (name, server, more) in enumerate(chain, 1):
                where = f"    grpc: {{{place(server)}}}\n" if not isinstance(server, str) else f"    grpc: {{{server}}}\n"
                file.write(f"  - name: {name}\n    kind: external\n    priority: {priority}\n{where}{more}")
        command = [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", arguments[0], "-c", path, "--json", *arguments[1:]]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=60, cwd=folder.path, env=clean_environment()
        )

    return run


def answered(process) -> dict:
    assert process.stdout, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("hook", CASES)
def test_chain_over_both_servers_changes_what_each_hook_may_change(servers_of_both_kinds, gatehouse, hook):
    reference, ours = servers_of_both_kinds
    payload, _, modified = CASES[hook]
    for first, second in ((reference, ours), (ours, reference)):
        answer = answered(
            gatehouse([("NoOp", first, ""), ("Modify", second, "")], "run", hook, "--payload", json.dumps(payload))
        )
        assert answer["allowed"] is True, answer
        assert [step["verdict"] for step in answer["steps"]] == ["passed", "changed"]
        if not hook.startswith("http_"):
            # Fields that a hook may not change are put back, and said so.
            changed = {key: value for key, value in answer["modified_payload"].items() if value != payload.get(key)}
            assert changed and all(modified[key] == value for key, value in changed.items())


@pytest.mark.parametrize("hook", CASES)
def test_violation_of_either_server_blocks_with_every_field(servers_of_both_kinds, gatehouse, hook):
    for server in servers_of_both_kinds:
        answer = answered(
            gatehouse([("Block", server, "")], "run", hook, "--payload", json.dumps(CASES[hook][0]))
        )
        assert answer["allowed"] is False
        error = answer["error"]
        assert error["code"] == -32001 and answer["http_status"] == 451
        assert error["data"]["plugin_name"] == "Block" and error["data"]["plugin_error_code"] == "INTEROP_BLOCK"
        assert error["data"]["details"]["nested"]["limit"] == 3


def test_error_of_either_server_blocks_in_enforce_and_passes_in_permissive(servers_of_both_kinds, gatehouse):
    payload = json.dumps(CASES["tool_pre_invoke"][0])
    for server in servers_of_both_kinds:
        for name in ("Fail", "Throw"):
            blocked = gatehouse([(name, server, "    mode: enforce\n")], "run", "tool_pre_invoke", "--payload", payload)
            assert blocked.returncode == 1 and answered(blocked)["allowed"] is False
            passed = gatehouse([(name, server, "    mode: permissive\n")], "run", "tool_pre_invoke", "--payload", payload)
            assert passed.returncode == 0 and answered(passed)["allowed"] is True


def test_identifier_beyond_doubles_comes_back_as_it_was_sent(servers_of_both_kinds, gatehouse):
    reference, ours = servers_of_both_kinds
    payload = json.dumps({"name": "search", "args": {"id": LARGE, "list": [LARGE, 1.5]}})
    chain = [("Echo", reference, ""), ("Modify", ours, ""), ("Größe-日本", reference, "")]
    answer = answered(gatehouse(chain, "run", "tool_pre_invoke", "--payload", payload))
    assert answer["modified_payload"]["args"] == {"id": LARGE, "list": [LARGE, 1.5], "added": True}


def test_plugin_that_is_down_blocks_in_enforce_and_is_named(gatehouse, servers_of_both_kinds):
    dead = 'target: "127.0.0.1:1"'
    payload = json.dumps(CASES["tool_pre_invoke"][0])
    chain = [("Gone", dead, "    hooks: [tool_pre_invoke]\n"), ("Echo", servers_of_both_kinds[1], "")]
    process = gatehouse(chain, "run", "tool_pre_invoke", "--payload", payload)
    answer = answered(process)
    assert process.returncode == 1 and answer["allowed"] is False
    assert "127.0.0.1:1" in answer["error"]["message"] and answer["error"]["data"]["plugin_name"] == "Gone"
    listed = answered(gatehouse(chain, "list"))
    assert [row["health"].split()[0] for row in listed] == ["down", "serving"]


def test_invoke_asks_one_plugin_and_reads_the_payload_from_standard_input(servers_of_both_kinds, gatehouse):
    for server in servers_of_both_kinds:
        process = gatehouse(
            [("Remember", server, "")], "invoke", "tool_pre_invoke", "--plugin", "remember", "--payload", "-",
            text='{"name": "search", "args": {}}',
        )
        answer = answered(process)
        assert process.returncode == 0 and answer["result"]["continue_processing"] is True
        assert answer["context"]["state"]["tool"] == "search"
        assert answer["context"]["global_state"]["shared"]["by"] == "Remember"


def test_two_lines_tell_that_the_plugin_was_loaded_and_from_where(servers_of_both_kinds, gatehouse):
    server = servers_of_both_kinds[0]
    process = gatehouse([("Echo", server, "")], "list", "-l", "info")
    assert "Loaded external plugin 'Echo' via gRPC transport" in process.stderr
    where = f"unix:{server.uds}" if server.uds else server.target
    assert f"Connected to gRPC plugin server at {where}" in process.stderr


@pytest.mark.parametrize("payload", ['{"name": "a", "name": "b"}', "{", '"\\ud800"'])
def test_payload_that_two_readers_could_understand_differently_is_refused(servers_of_both_kinds, gatehouse, payload):
    process = gatehouse([("Echo", servers_of_both_kinds[1], "")], "run", "tool_pre_invoke", "--payload", payload)
    assert process.returncode == 1 and answered(process)["allowed"] is False


def test_unknown_hook_is_bad_usage(servers_of_both_kinds, gatehouse):
    chain = [("Echo", servers_of_both_kinds[1], "    hooks: [tool_pre_invoke, our_own_hook]\n")]
    payload = json.dumps(CASES["tool_pre_invoke"][0])
    misspelt = gatehouse(chain, "run", "tool_pre_invok", "--payload", payload)
    assert misspelt.returncode == 2 and "tool_pre_invoke" in misspelt.stderr and not misspelt.stdout
    # Hooks of others' making are asked as any: this server does not have it.
    own = gatehouse(chain, "run", "our_own_hook", "--payload", payload)
    assert own.returncode in (0, 1) and own.stdout
