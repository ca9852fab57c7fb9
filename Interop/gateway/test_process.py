# SPDX-License-Identifier: Apache-2.0
"""The gateway as a process: how it starts and ends, and what it does when servers behind it are killed or frozen."""

import asyncio
import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest

import conftest
import sdk


def text(result):
    return result["content"][0]["text"]


def run(folder, *arguments, variables=None):
    """A gateway that is expected to end by itself."""
    return subprocess.run(
        [conftest.gatehouse(), "gateway", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=folder, timeout=conftest.LIVENESS,
        env={**conftest.environment(), **(variables or {})},
    )


def children(pid):
    """The processes that a process has started, and not yet seen end."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        found = file.read().split()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            found += file.read().split()
    return sorted({int(child) for child in found})


@pytest.fixture
def small(tmp_path):
    """A gateway with one program behind it, which all clients share, so that it is known which process it is."""
    server = {**conftest.servers(tmp_path)["peer"], "sessions": "shared", "timeout": 4, "max_timeout": 4}
    running = conftest.Gateway(tmp_path, {"mcpServers": {"peer": server}})
    yield running
    running.stop()


def test_a_wrong_configuration_ends_with_2_and_says_where(tmp_path):
    (tmp_path / "gateway.yaml").write_text("mcpServers:\n  a: {comand: x}\n")
    result = run(tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    assert 'gateway.yaml:2: mcpServers.a.comand: unknown key; did you mean "command"?' in result.stderr


def test_listening_beyond_this_machine_needs_a_token(tmp_path):
    result = run(tmp_path, "--host", "0.0.0.0", "--port", "0")
    assert result.returncode == 2 and "--insecure" in result.stderr


def test_an_address_that_is_taken_ends_with_1(tmp_path, small):
    result = run(tmp_path, "--config", str(small.config), "--port", str(small.port))
    assert result.returncode == 1 and "Cannot listen" in result.stderr


@pytest.mark.parametrize("command", [["demo-server"], ["gateway", "--stdio"]])
def test_a_client_that_asks_and_leaves_is_answered(tmp_path, command):
    question = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    result = subprocess.run(
        [conftest.gatehouse(), *command], input=question, capture_output=True, text=True, cwd=tmp_path,
        timeout=conftest.LIVENESS, env=conftest.environment(),
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.parametrize("command", [["demo-server"], ["gateway", "--stdio"]])
def test_standard_input_that_is_no_stream_is_an_error(tmp_path, command):
    result = subprocess.run(
        [conftest.gatehouse(), *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tmp_path,
        timeout=conftest.LIVENESS, env=conftest.environment(),
    )
    assert result.returncode == 1 and "no pipe, socket or terminal" in result.stderr, result.stderr


def test_plugins_that_are_switched_off_are_told(tmp_path):
    (tmp_path / "plugins.yaml").write_text("plugins: [{name: p, kind: PIIFilterPlugin, hooks: [tool_pre_invoke]}]\n")
    port = conftest.free_port()
    gateway = subprocess.Popen(
        [conftest.gatehouse(), "gateway", "--port", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**conftest.environment(), "PLUGINS_ENABLED": "false", "PLUGIN_CONFIG_FILE": str(tmp_path / "plugins.yaml")},
    )
    assert gateway.stdout.readline() == "READY\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=conftest.LIVENESS) as answer:
        assert "PLUGINS_ENABLED is false" in json.load(answer)["plugins"]["warning"]
    gateway.terminate()
    _, log = gateway.communicate(timeout=conftest.LIVENESS)
    assert gateway.returncode == 0 and "PLUGINS_ENABLED is false" in log


def test_nothing_is_left_running(tmp_path):
    gateway = conftest.Gateway(tmp_path, {"mcpServers": {"peer": conftest.servers(tmp_path)["peer"]}})
    processes = children(gateway.process.pid)
    assert processes
    gateway.stop()
    deadline = time.monotonic() + conftest.LIVENESS
    while any(os.path.exists(f"/proc/{pid}") for pid in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_killed_server_is_started_again(small):
    async with sdk.connect(url=small.url()) as peer:
        assert text(await peer.call("peer-echo", {"text": "before"})) == "before"
        for pid in children(small.process.pid):
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + conftest.LIVENESS
        while True:
            try:
                if text(await peer.call("peer-echo", {"text": "after"})) == "after":
                    break
            except Exception as error:
                assert "peer" in str(error)
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def test_a_frozen_server_costs_its_callers_their_time_limit(small):
    (pid,) = children(small.process.pid)
    async with sdk.connect(url=small.url()) as peer:
        assert text(await peer.call("peer-echo", {"text": "before"})) == "before"
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Exception, match="peer"):
                await peer.call("peer-echo", {"text": "frozen"})
            with urllib.request.urlopen(small.url("/health"), timeout=conftest.LIVENESS) as answer:
                assert answer.status == 200
        finally:
            os.kill(pid, signal.SIGCONT)
        assert text(await peer.call("peer-echo", {"text": "after"})) == "after"
