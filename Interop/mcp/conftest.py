# SPDX-License-Identifier: Apache-2.0
"""The demo server over HTTP and over stdio, and Python servers for our client."""

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import sdk

HERE = Path(__file__).resolve().parent
#: What several suites share lies above.
sys.path.append(str(HERE.parent))
import sdk_servers  # noqa: E402

GATEHOUSE = os.environ.get("GATEHOUSE_BIN") or str(HERE.parent.parent / ".build" / "debug" / "gatehouse")
#: How long anything that must happen may take, in seconds: generous, since it is only there to end a hanging test.
LIVENESS = 60.0


def pytest_configure(config):
    if not os.access(GATEHOUSE, os.X_OK):
        raise pytest.UsageError(f"{GATEHOUSE} is missing: run `swift build`, or set GATEHOUSE_BIN")


def pytest_report_header(config):
    return f"MCP SDK {sdk.VERSION}"


class Server:
    """A server process, ended by its own id."""

    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def ready(self) -> str:
        """What is behind READY."""
        while True:
            line = self.lines.get(timeout=LIVENESS)
            assert line is not None, "the server ended before it was ready"
            if line.startswith("READY"):
                return line.removeprefix("READY").strip()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(LIVENESS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture(scope="session")
def demo_url():
    server = Server([GATEHOUSE, "demo-server", "--port", "0"])
    try:
        yield server.ready()
    finally:
        server.end()
    assert server.process.returncode == 0


@pytest.fixture(params=[(transport, mode) for transport in ("http", "stdio") for mode in sdk.MODES], ids="-".join)
def demo(request, demo_url):
    """How to connect to the demo server: where, and in which of the client's modes."""
    transport, mode = request.param
    return (demo_url if transport == "http" else [GATEHOUSE, "demo-server"], mode)


@pytest.fixture(scope="session")
def python_url():
    """A server of the SDK, over HTTP."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(HERE / "python_server.py"), str(port)], stderr=subprocess.DEVNULL)
    limit = time.monotonic() + LIVENESS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < limit, "the Python server does not listen"
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    sdk_servers.end(process)


@pytest.fixture(params=["http", "stdio"])
def python_server(request):
    """The arguments with which `gatehouse mcp` reaches a server of the SDK."""
    if request.param == "http":
        return ["--url", request.getfixturevalue("python_url")], []
    return [], ["--", sys.executable, str(HERE / "python_server.py")]


@pytest.fixture
def gatehouse():
    """Runs `gatehouse mcp`: returns its exit code, what it printed, and what it logged."""

    def run(arguments: list[str], server: tuple[list[str], list[str]]) -> tuple[int, str, str]:
        options, command = server
        result = subprocess.run(
            [GATEHOUSE, "mcp", *arguments, *options, *command], capture_output=True, text=True, timeout=LIVENESS
        )
        return result.returncode, result.stdout, result.stderr

    return run
