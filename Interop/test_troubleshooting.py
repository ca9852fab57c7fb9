# SPDX-License-Identifier: Apache-2.0
"""The symptoms of docs/troubleshooting.md, each brought about and seen as the document says."""

import http.server
import json
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from test_raw_socket import Frames, request
from servers import LIVENESS, ROOT, Server, binary, clean_environment

pytestmark = pytest.mark.gatehouse
TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def documented(message: str) -> None:
    """The document quotes this message."""
    assert message in re.sub(r"\s+", " ", TROUBLESHOOTING), f"docs/troubleshooting.md does not quote {message!r}"


@pytest.fixture
def health(folder):
    """What `gatehouse plugins list` says of the health of one external plugin."""

    def look(where: str, name: str = "Echo") -> str:
        path = folder / "trouble.yaml"
        Path(path).write_text(f"plugins:\n  - name: {name}\n    kind: external\n    hooks: [tool_pre_invoke]\n    {where}\n")
        process = subprocess.run(
            [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", "list", "-c", path, "--json"],
            capture_output=True, text=True, timeout=60, cwd=folder.path, env=clean_environment(),
        )
        assert process.stdout, process.stderr
        return json.loads(process.stdout)[0]["health"]

    return look


@pytest.fixture
def web_server():
    """A server that speaks HTTP/1.1 and nothing else."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_connection_refused(health, folder):
    seen = health('grpc: {target: "127.0.0.1:1"}')
    assert "cannot be reached" in seen and "refused" in seen.lower(), seen
    documented("cannot be reached")
    seen = health(f"unix_socket: {{path: {folder / 'nobody.sock'}}}")
    assert "there is no such socket" in seen, seen
    documented("there is no such socket")
    left = Server("gatehouse", folder.path, uds=folder / "left.sock", options=("--transport", "unix"))
    left.kill()
    seen = health(f"unix_socket: {{path: {left.uds}}}")
    assert "nobody listens on the socket" in seen, seen
    documented("nobody listens on the socket")


def test_handshake_failed(health, folder, web_server, uds):
    seen = health(f'grpc: {{target: "127.0.0.1:{web_server}"}}')
    assert seen.startswith("down since"), seen
    # A gRPC server answers frames with HTTP/2, whose first bytes are no length of a frame.
    seen = health(f"unix_socket: {{path: {uds.uds}}}")
    assert seen.startswith("down since"), seen
    frames = Server("gatehouse", folder.path, uds=folder / "frames.sock", options=("--transport", "unix"))
    try:
        seen = health(f"grpc: {{uds: {frames.uds}}}")
        assert seen.startswith("down since"), seen
        assert "or have it speak this protocol" in frames.log(), frames.log()
        documented("or have it speak this protocol")
    finally:
        frames.stop()


def test_plugin_not_discovered(health, tcp):
    seen = health(f'grpc: {{target: "{tcp.target}"}}', name="Ecko")
    assert "has no plugin named 'Ecko'" in seen, seen
    documented("has no plugin named")


def test_slower_than_expected(folder):
    server = Server("gatehouse", folder.path, uds=folder / "slow.sock", options=("--transport", "unix"))
    try:
        with Frames(server) as frames:
            frames.send(request("Stall", seconds=3))
            end = time.monotonic() + LIVENESS
            while not any(record.get("plugin") == "Stall" for record in server.log_records()):
                assert time.monotonic() < end, server.log()
                time.sleep(0.1)
            messages = [record["message"] for record in server.log_records() if record.get("plugin") == "Stall"]
            documented(messages[0].split(":")[0])
    finally:
        server.stop()
