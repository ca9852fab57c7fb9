# SPDX-License-Identifier: Apache-2.0
"""A gateway with real Python servers behind it, reached as each generation of the SDK does."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
INTEROP = HERE.parent
#: What several suites share lies there.
sys.path.append(str(INTEROP))
import sdk_servers  # noqa: E402

ROOT = INTEROP.parent
#: How long anything that must happen may take, in seconds: generous, since it is only there to end a hanging test.
LIVENESS = 60.0


def gatehouse() -> str:
    return os.environ.get("GATEHOUSE_BIN") or str(ROOT / ".build" / "debug" / "gatehouse")


def python(sdk: str) -> str:
    return str(INTEROP / f".venv-mcp-{sdk}" / "bin" / "python")


def environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GATEHOUSE_", "PLUGINS_", "PLUGIN_"))
    }


def pytest_configure(config):
    if not os.access(gatehouse(), os.X_OK):
        raise pytest.UsageError(f"{gatehouse()} is missing: run `swift build`, or set GATEHOUSE_BIN")


class Gateway:
    """A gateway process on a port that the system chose."""

    def __init__(self, folder: Path, configuration: dict, port: int | None = None):
        self.folder = folder
        self.config = folder / "gateway.yaml"
        self.config.write_text(json.dumps(configuration))
        self.log_path = folder / "gateway.log"
        self.port = port or free_port()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [gatehouse(), "gateway", "--config", str(self.config), "--port", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=folder, env=environment(), text=True,
            )
        line = self.process.stdout.readline()
        assert line == "READY\n", f"{line!r}: {self.log_path.read_text()}"
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + LIVENESS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=LIVENESS) as answer:
                    if set(json.load(answer)["mcp_servers"].values()) <= {"up"}:
                        return
            except urllib.error.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the gateway did not become ready: {self.log_path.read_text()}")

    def url(self, path="/mcp") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=LIVENESS)
        assert status == 0, f"{status}: {self.log_path.read_text()}"


def servers(folder: Path) -> dict:
    repository = folder / "repository"
    if not repository.exists():
        subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    return {
        "peer": {"command": python("1.30.0"), "args": [str(HERE / "upstream.py")]},
        "time": {"command": python("2.3.0"), "args": ["-m", "mcp_server_time", "--local-timezone", "UTC"]},
        "git": {"command": python("2.3.0"), "args": ["-m", "mcp_server_git", "--repository", str(repository)]},
    }


async def heard(messages, count):
    """The SDK's second generation hands notifications over beside answers: the answer may be there before the last of them."""
    async with asyncio.timeout(LIVENESS):
        while len(messages) < count:
            await asyncio.sleep(0.01)


def free_port() -> int:
    """A free port of this moment; whoever listens refuses to start if somebody took it meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """A gateway in front of programs, and of a server that speaks HTTP, which it finds once that is up."""
    folder = tmp_path_factory.mktemp("gateway")
    port = free_port()
    web = subprocess.Popen([python("1.30.0"), str(HERE / "upstream.py"), str(port)], env=environment())
    configuration = {"mcpServers": {**servers(folder), "web": {"url": f"http://127.0.0.1:{port}/mcp"}}}
    try:
        running = Gateway(folder, configuration)
        yield running
        running.stop()
    finally:
        web.terminate()
        web.wait(timeout=LIVENESS)


@pytest.fixture(scope="session")
def older(tmp_path_factory):
    """A gateway in front of a server that speaks HTTP+SSE alone: known by what is configured, and by what it answers."""
    folder = tmp_path_factory.mktemp("older")
    port = free_port()
    web = subprocess.Popen([python("1.30.0"), str(HERE / "upstream.py"), str(port), "sse"], env=environment())
    url = f"http://127.0.0.1:{port}/sse"
    try:
        running = Gateway(folder, {"mcpServers": {"asked": {"url": url, "type": "sse"}, "found": {"url": url}}})
        yield running
        running.stop()
    finally:
        sdk_servers.end(web)


@pytest.fixture(scope="session")
def filtering(tmp_path_factory):
    """A gateway whose plugins mask personal data and refuse dangerous arguments."""
    folder = tmp_path_factory.mktemp("filtering")
    hooks = ["tool_pre_invoke", "tool_post_invoke", "prompt_pre_fetch", "prompt_post_fetch"]
    running = Gateway(
        folder,
        {
            "mcpServers": {"peer": servers(folder)["peer"]},
            "plugins": [
                {"name": "PII", "kind": "PIIFilterPlugin", "hooks": hooks, "config": {"default_mask_strategy": "redact"}},
                {"name": "Safe", "kind": "SecurityFilterPlugin", "hooks": ["tool_pre_invoke"]},
            ],
        },
    )
    yield running
    running.stop()


@pytest.fixture
def stdio_command(tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text(json.dumps({"mcpServers": servers(tmp_path)}))
    return [gatehouse(), "gateway", "--stdio", "--config", str(config), "--log-level", "error"]
