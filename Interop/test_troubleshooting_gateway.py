# SPDX-License-Identifier: Apache-2.0
"""The gateway's symptoms of docs/troubleshooting.md, each brought about and seen as the document says."""

import http.client
import json
import socket
import time
from pathlib import Path

import pytest

from servers import LIVENESS, Process, binary
from troubleshooting import documented

pytestmark = pytest.mark.gatehouse


class Gateway(Process):
    """A gateway in front of a server that nobody has started."""

    TOKENS = {"ada": "token-of-ada-0123456789", "bob": "token-of-bob-0123456789"}

    def __init__(self, folder, environment: dict | None = None, **configuration):
        self.socket = folder / "gateway.sock"
        config = folder / "gateway.yaml"
        Path(config).write_text(json.dumps({
            "listen": {"uds": self.socket}, "mcpServers": {"gone": {"url": "http://127.0.0.1:1/mcp"}},
            **configuration,
        }))
        super().__init__(
            [binary("GATEHOUSE_BIN", "gatehouse"), "gateway", "--config", config, "--log-format", "json"], folder.path,
            environment)
        self.wait_for_line("READY")

    def ask(self, method: str = "POST", path: str = "/mcp", body: dict | None = None, **headers: str):
        """Status, text of the body, and the challenge."""
        connection = http.client.HTTPConnection("localhost", timeout=LIVENESS)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(LIVENESS)
        connection.sock.connect(self.socket)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(
                method, path, json.dumps(body) if body else None,
                {"content-type": "application/json", "accept": "application/json, text/event-stream", **names})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def begin(self, **headers: str):
        return self.ask(body={
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
        }, **headers)

    def call(self, tool: str, **headers: str) -> str:
        session = self.begin(**headers)[2]["mcp-session-id"]
        headers |= {"mcp_session_id": session, "mcp_protocol_version": "2025-11-25"}
        self.ask(body={"jsonrpc": "2.0", "method": "notifications/initialized"}, **headers)
        params = {"name": tool, "arguments": {}}
        return self.ask(body={"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}, **headers)[1]


def test_the_gateway_says_why_it_lets_nobody_in(folder):
    tokens = [{"token": token, "user": user, "scopes": ["read"]} for user, token in Gateway.TOKENS.items()]
    gateway = Gateway(
        folder, auth={"tokens": tokens}, servers={"inner": {"scopes": ["admin"]}})
    try:
        status, body, headers = gateway.begin()
        assert status == 401 and "a bearer token is needed" in body + headers["www-authenticate"]
        documented("a bearer token is needed")
        status, body, headers = gateway.begin(authorization="Bearer token-of-nobody-0123456789")
        assert status == 401 and "the token is not known here" in body + headers["www-authenticate"]
        documented("the token is not known here")
        known = f"Bearer {Gateway.TOKENS['ada']}"
        assert gateway.begin(authorization=known)[0] == 200
        status, _, headers = gateway.ask(
            path="/servers/inner/mcp", body={"jsonrpc": "2.0", "id": 1, "method": "ping"}, authorization=known)
        assert status == 403 and 'error="insufficient_scope"' in headers["www-authenticate"], headers
        assert 'scope="' in headers["www-authenticate"] and "admin" in headers["www-authenticate"]
        documented('403, `error="insufficient_scope"`')
        status, body, _ = gateway.begin(authorization=known, origin="https://elsewhere.example")
        assert status == 403 and "requests from the origin https://elsewhere.example are not let in" in body, body
        documented("requests from the origin … are not let in")
        status, body, _ = gateway.begin(authorization=known, host="gateway.example")
        assert status == 421 and "this server is not reached under the host gateway.example" in body, body
        documented("this server is not reached under the host …")
    finally:
        assert gateway.stop() == 0


def test_the_gateway_says_what_it_lacks(folder):
    plugin = {"name": "PII", "kind": "PIIFilterPlugin", "hooks": ["tool_pre_invoke"]}
    gateway = Gateway(folder, {"PLUGINS_ENABLED": "false"}, plugins=[plugin])
    try:
        seen = gateway.call("gone-search")
        assert "-32603" in seen and "MCP server 'gone' cannot be used: " in seen, seen
        documented("-32603, `MCP server '…' cannot be used: …`")
        assert "-32602" in (seen := gateway.call("nobody")) and "Unknown tool: nobody" in seen, seen
        documented("-32602, `Unknown tool: …`")
        end = time.monotonic() + LIVENESS
        while not any(record["message"] == "MCP server is down" for record in gateway.log_records()):
            assert time.monotonic() < end, gateway.log()
            time.sleep(0.05)
        documented("MCP server is down")
        assert "PLUGINS_ENABLED is false" in gateway.ask("GET", "/ready")[1]
        documented("`/ready` has `PLUGINS_ENABLED is false`")
    finally:
        assert gateway.stop() == 0


def test_the_gateway_does_not_start_for_everybody(folder):
    config = folder / "open.yaml"
    Path(config).write_text("listen: {host: 0.0.0.0, port: 0}\n")
    process = Process([binary("GATEHOUSE_BIN", "gatehouse"), "gateway", "--config", config], folder.path)
    try:
        assert process.wait() == 2
    finally:
        process.stop()
    message = "is reachable from other machines, and without auth.tokens or auth.issuers everybody there can use the gateway"
    assert message in process.log(), process.log()
    documented(message)


def test_a_plugin_that_its_first_error_switches_off(folder):
    down = {"name": "Down", "kind": "external", "hooks": ["http_pre_request"], "on_error": "disable",
            "grpc": {"target": "127.0.0.1:1"}}
    gateway = Gateway(folder, plugins=[down])
    try:
        for _ in range(2):
            assert gateway.begin()[0] == 200
        message = "Plugin is switched off until the configuration is loaded again"
        assert sum(record["message"].startswith(message) for record in gateway.log_records()) == 1, gateway.log()
        documented(message)
    finally:
        assert gateway.stop() == 0
