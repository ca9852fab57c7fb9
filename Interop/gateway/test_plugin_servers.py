# SPDX-License-Identifier: Apache-2.0
"""Plugins on servers of their own that come and go while the gateway runs."""

import asyncio
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

import conftest
import sdk

SECRET = "SSN 123-45-6789"
INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def text(result):
    return result["content"][0]["text"]


def initialize(gateway) -> str:
    """What the gateway answers to `initialize`, whatever its status."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    request = urllib.request.Request(gateway.url(), json.dumps(INITIALIZE).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=conftest.LIVENESS) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


class PluginServer:
    """A plugin server of ours on a Unix socket."""

    def __init__(self, folder, path, plugin: dict):
        config = folder / "server.yaml"
        config.write_text(json.dumps({"plugins": [plugin]}))
        self.process = subprocess.Popen(
            [conftest.gatehouse(), "plugin-server", "--transport", "grpc", "--uds", path, "-c", str(config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=folder, env=conftest.environment(), text=True,
        )
        assert self.process.stdout.readline() == "READY\n"

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=conftest.LIVENESS) == 0
        self.process.stdout.close()


@pytest.fixture
def socket_path(tmp_path_factory):
    # pytest's folders have long names, and a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="gh-") as folder:
        yield f"{folder}/plugins.sock"


async def test_what_was_not_decided_is_blocked_and_what_a_server_tells_is_taken(tmp_path, socket_path):
    plugin = {"name": "Words", "kind": "external", "grpc": {"uds": socket_path}}
    servers = {"peer": conftest.servers(tmp_path)["peer"]}
    gateway = conftest.Gateway(tmp_path, {"mcpServers": servers, "plugins": [plugin]})
    server = None
    try:
        # Nobody has said which hooks are the plugin's: it is asked at all of them, and cannot answer.
        assert "Words" in initialize(gateway) and "serverInfo" not in initialize(gateway)
        masking = {
            "name": "Words", "kind": "PIIFilterPlugin", "hooks": ["prompt_pre_fetch"], "config": {"block_on_detection": True},
        }
        server = PluginServer(tmp_path, socket_path, masking)
        deadline = time.monotonic() + conftest.LIVENESS
        while "serverInfo" not in initialize(gateway):
            assert time.monotonic() < deadline, gateway.log_path.read_text()
            await asyncio.sleep(0.05)
        async with sdk.connect(url=gateway.url()) as peer:
            # Its one hook is asked, and no other.
            assert text(await peer.call("peer-echo", {"text": SECRET})) == SECRET
            assert "Ada" in str(await peer.prompt("peer-greet", {"who": "Ada"}))
            with pytest.raises(Exception, match="Plugin Violation"):
                await peer.prompt("peer-greet", {"who": SECRET})
            # Another server takes its place, and tells something else of the same plugin.
            server.stop()
            server = PluginServer(tmp_path, socket_path, {**masking, "hooks": ["tool_pre_invoke"]})
            while True:
                try:
                    assert SECRET in str(await peer.prompt("peer-greet", {"who": SECRET}))
                    break
                except Exception as error:
                    # Blocked in any case: by the plugin, or because it is away.
                    assert "Words" in str(error) or "Plugin" in str(error), error
                assert time.monotonic() < deadline + conftest.LIVENESS, gateway.log_path.read_text()
                await asyncio.sleep(0.05)
            with pytest.raises(Exception, match="Plugin Violation"):
                await peer.call("peer-echo", {"text": SECRET})
            # Away again: what it would have to decide is blocked, and nothing else.
            server.stop()
            server = None
            with pytest.raises(Exception, match="Words"):
                await peer.call("peer-echo", {"text": "harmless"})
            assert "Ada" in str(await peer.prompt("peer-greet", {"who": "Ada"}))
    finally:
        if server:
            server.stop()
        gateway.stop()
