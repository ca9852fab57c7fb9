# SPDX-License-Identifier: Apache-2.0
"""Our client against servers of the SDK, and against a server of others."""

import json
import shutil
import sys
import time
from pathlib import Path

import pytest

import sdk


def test_what_a_server_offers(gatehouse, python_server):
    status, output, _ = gatehouse(["info"], python_server)
    assert status == 0
    info = json.loads(output)
    assert info["revision"] == ("2025-11-25" if sdk.IS_V1 else "2026-07-28") and info["server"]["name"] == "python"
    assert set(info["tools"]) == {"echo", "slow", "hang", "fail"}
    assert info["prompts"] == ["greeting"] and info["resources"] == ["python://readme"]


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
def test_every_revision(gatehouse, python_server, revision):
    status, output, log = gatehouse(["info", "--revision", revision], python_server)
    if sdk.IS_V1 and revision == "2026-07-28":
        assert status == 1 and "error" in log.lower(), "it is told apart from what is there"
        return
    assert status == 0 and json.loads(output)["revision"] == revision
    status, output, _ = gatehouse(["call", "echo", "--arguments", '{"text": "on"}', "--revision", revision], python_server)
    assert status == 0 and json.loads(output)["content"][0]["text"] == "on"


@pytest.mark.parametrize("text", ["", "ä €😀\u2028\n", "x" * 100_000])
def test_text_comes_back_as_it_was_sent(gatehouse, python_server, text):
    status, output, _ = gatehouse(["call", "echo", "--arguments", json.dumps({"text": text})], python_server)
    assert status == 0
    assert json.loads(output)["content"][0]["text"] == text


def test_progress_is_heard(gatehouse, python_server):
    status, output, log = gatehouse(["call", "slow", "--arguments", '{"steps": 3}'], python_server)
    assert status == 0 and json.loads(output)["content"][0]["text"] == "done"
    progress = [json.loads(line.split(" ", 1)[1]) for line in log.splitlines() if line.startswith("notifications/progress")]
    assert [p["progress"] for p in progress] == [1, 2, 3]
    assert all(p["progressToken"] == "call" for p in progress), "the token of whoever asks, not ours"


def test_failures(gatehouse, python_server):
    status, output, _ = gatehouse(["call", "fail"], python_server)
    assert status == 1 and json.loads(output)["isError"] is True
    status, _, log = gatehouse(["request", "no/such"], python_server)
    assert status == 1 and "JSON-RPC error" in log


def test_a_silent_server_is_given_up_in_time(gatehouse, python_server):
    started = time.monotonic()
    status, _, log = gatehouse(["call", "hang", "--timeout", "1"], python_server)
    assert status == 1 and "has not answered in time" in log
    assert time.monotonic() - started < 30


def test_prompts_and_resources(gatehouse, python_server):
    status, output, _ = gatehouse(
        ["request", "prompts/get", "--params", '{"name": "greeting", "arguments": {"name": "Ada"}}'], python_server
    )
    assert status == 0 and "Hello Ada" in output
    status, output, _ = gatehouse(["request", "resources/read", "--params", '{"uri": "python://readme"}'], python_server)
    assert status == 0 and json.loads(output)["contents"][0]["text"] == "read me"


def test_a_server_that_is_not_there(gatehouse):
    status, _, log = gatehouse(["info"], (["--url", "http://127.0.0.1:1/mcp"], []))
    assert status == 1 and "127.0.0.1:1" in log
    status, _, log = gatehouse(["info"], ([], ["--", "/no/such/server"]))
    assert status == 1 and "/no/such/server" in log


@pytest.mark.skipif(sdk.IS_V1, reason="this server is made with the second generation")
def test_the_time_server(gatehouse):
    server = Path(sys.executable).parent / "mcp-server-time"
    assert shutil.which(server)
    status, output, _ = gatehouse(
        ["call", "get_current_time", "--arguments", '{"timezone": "Europe/Berlin"}'],
        ([], ["--", str(server), "--local-timezone", "UTC"]),
    )
    assert status == 0
    assert json.loads(json.loads(output)["content"][0]["text"])["timezone"] == "Europe/Berlin"
