# SPDX-License-Identifier: Apache-2.0
"""The symptoms of docs/troubleshooting.md, each brought about and seen as the document says."""

import http.server
import json
import os
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from certificates import Authority
from test_raw_socket import Frames, request
from servers import LIVENESS, Server, binary, clean_environment, fails_to_start
from troubleshooting import documented

pytestmark = pytest.mark.gatehouse


def external(folder, where: str, name: str = "Echo") -> str:
    """A configuration with one external plugin, whose mode is `enforce`."""
    path = folder / "trouble.yaml"
    Path(path).write_text(f"plugins:\n  - name: {name}\n    kind: external\n    hooks: [tool_pre_invoke]\n    {where}\n")
    return path


def run_hook(folder, config: str, payload: dict) -> dict:
    """What `gatehouse plugins run` says of one call."""
    process = subprocess.run(
        [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", "run", "tool_pre_invoke", "-c", config, "--json",
         "--payload", json.dumps(payload)],
        capture_output=True, text=True, timeout=60, cwd=folder.path, env=clean_environment(),
    )
    assert process.stdout, process.stderr
    return json.loads(process.stdout)


def plugins(folder, **entry) -> str:
    """A configuration of a server with one plugin."""
    path = folder / "plugins.yaml"
    Path(path).write_text(json.dumps({"plugins": [entry]}))
    return path


@pytest.fixture
def health(folder):
    """What `gatehouse plugins list` says of the health of one external plugin."""

    def look(where: str, name: str = "Echo", user: int | None = None) -> str:
        path = external(folder, where, name)
        process = subprocess.run(
            [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", "list", "-c", path, "--json"],
            capture_output=True, text=True, timeout=60, cwd=folder.path, env=clean_environment(), user=user,
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


def test_a_socket_of_another_user(health, folder):
    os.chmod(folder.path, 0o755)
    server = Server("gatehouse", folder.path, uds=folder / "private.sock", options=("--transport", "unix"))
    try:
        if os.getuid() != 0:
            # The owner without the right to write is kept out as well; only root can be somebody else.
            os.chmod(server.uds, 0)
        seen = health(f"unix_socket: {{path: {server.uds}}}", user=65534 if os.getuid() == 0 else None)
        assert "this user may not connect to the socket" in seen, seen
        documented("this user may not connect to the socket")
    finally:
        server.stop()


def test_a_process_of_no_allowed_user(health, folder):
    config = folder / "allowed.yaml"
    Path(config).write_text(json.dumps({
        "plugins": [{"name": "Echo", "kind": "EchoPlugin"}],
        "unix_socket_server_settings": {"allow_uids": [os.getuid() + 1]},
    }))
    server = Server(
        "gatehouse", folder.path, uds=folder / "allowed.sock", config=config, options=("--transport", "unix"))
    try:
        assert health(f"unix_socket: {{path: {server.uds}}}").startswith("down since")
        assert "refused a connection" in server.log() and "allow_uids" in server.log(), server.log()
        documented("refused a connection")
    finally:
        server.stop()


def test_until_it_answers_enforce_blocks(folder):
    answer = run_hook(folder, external(folder, 'grpc: {target: "127.0.0.1:1"}'), {"name": "t", "args": {}})
    assert answer["allowed"] is False
    documented("Until then its mode decides: `enforce` blocks")


@pytest.fixture(scope="module")
def authority(session_folder):
    return Authority(session_folder / "trouble")


def test_one_side_speaks_tls_and_the_other_does_not(health, folder, tcp, authority):
    # `plugins list` reports the plugin as down; the words are those of docs/troubleshooting.md.
    trust = f"tls: {{ca_bundle: {authority.server.ca_bundle}}}"
    port = tcp.port
    seen = health(f'grpc: {{target: "localhost:{port}", {trust}}}')
    # A server of ours closes the connection, others may answer first.
    assert "the server closed the connection during the TLS handshake" in seen, seen
    documented("the server closed the connection during the TLS handshake")
    documented("the server does not speak TLS there")
    secured = Server(
        "gatehouse", folder.path, options=("--transport", "grpc", "-l", "debug"),
        environment={
            "PLUGINS_GRPC_SERVER_SSL_ENABLED": "true", "PLUGINS_GRPC_SERVER_SSL_CERTFILE": authority.server.certfile,
            "PLUGINS_GRPC_SERVER_SSL_KEYFILE": authority.server.keyfile, "PLUGINS_GRPC_SERVER_SSL_CLIENT_AUTH": "none",
        },
    )
    try:
        seen = health(f'grpc: {{target: "localhost:{secured.port}"}}')
        assert seen.startswith("down since"), seen
        assert "the client does not speak TLS" in secured.log(), secured.log()
        documented("the client does not speak TLS")
        assert health(f'grpc: {{target: "localhost:{secured.port}", {trust}}}') == "serving"
    finally:
        secured.stop()


def test_certificates_that_do_not_match(health, folder, authority):
    other = Authority(folder / "other")
    secured = Server(
        "gatehouse", folder.path, options=("--transport", "grpc",),
        environment={
            "PLUGINS_GRPC_SERVER_SSL_ENABLED": "true", "PLUGINS_GRPC_SERVER_SSL_CERTFILE": authority.server.certfile,
            "PLUGINS_GRPC_SERVER_SSL_KEYFILE": authority.server.keyfile,
            "PLUGINS_GRPC_SERVER_SSL_CA_CERTS": authority.server.ca_bundle,
            "PLUGINS_GRPC_SERVER_SSL_CLIENT_AUTH": "require",
        },
    )
    try:
        seen = health(f'grpc: {{target: "localhost:{secured.port}", tls: {{ca_bundle: {other.server.ca_bundle}}}}}')
        assert "which is not among the authorities trusted here" in seen, seen
        documented("which is not among the authorities trusted here")
        seen = health(f'grpc: {{target: "localhost:{secured.port}", tls: {{ca_bundle: {authority.server.ca_bundle}}}}}')
        assert "requires a certificate, and there is none to show" in seen, seen
        documented("requires a certificate, and there is none to show")
    finally:
        secured.stop()


def test_certificates_that_have_expired_or_other_names(health, folder, authority):
    # As HTTPS servers of another make would show them: a server of ours does not start with an expired certificate.
    files = {
        "expired on": authority.issue("expired-trouble", days=-5, names=("localhost",)),
        "the server's certificate is not for the name localhost, but for": authority.issue("elsewhere-trouble"),
    }
    for message, shown in files.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.certfile, shown.keyfile)
        context.set_alpn_protocols(["h2"])
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            trust = f"tls: {{ca_bundle: {authority.server.ca_bundle}}}"
            seen = health(f'grpc: {{target: "localhost:{server.server_port}", {trust}}}')
            assert message in seen, seen
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
    documented("expired on …; renew it there")
    documented("the server's certificate is not for …, but for …")


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


def test_a_plugin_that_its_server_does_not_run(folder):
    config = plugins(folder, name="Echo", kind="EchoPlugin", hooks=["tool_pre_invoke"], mode="disabled")
    server = Server("gatehouse", folder.path, uds=folder / "off.sock", config=config)
    try:
        # The mode is set here, so that it is not taken from the server.
        where = f"mode: enforce\n    grpc: {{uds: {server.uds}}}"
        answer = run_hook(folder, external(folder, where), {"name": "t", "args": {}})
        assert answer["allowed"] is False and "is disabled" in json.dumps(answer), answer
        documented("is disabled")
    finally:
        server.stop()


def test_a_plugin_that_is_never_asked(folder):
    config = plugins(
        folder, name="Echo", kind="EchoPlugin", hooks=["tool_pre_invoke"], conditions=[{"tools": ["search"]}])
    server = Server("gatehouse", folder.path, uds=folder / "never.sock", config=config)
    try:
        here = external(folder, f"grpc: {{uds: {server.uds}}}")
        assert run_hook(folder, here, {"name": "other", "args": {}})["steps"] == []
        assert len(run_hook(folder, here, {"name": "search", "args": {}})["steps"]) == 1
        documented("`gatehouse plugins run HOOK --payload JSON` shows which plugins are asked")
    finally:
        server.stop()


def test_a_kind_that_the_executable_does_not_know(folder):
    log = fails_to_start("gatehouse", folder, "-c", plugins(folder, name="Mine", kind="MinePlugin"), status=2)
    assert "unknown kind" in log and "known kinds are" in log, log
    documented("unknown kind")


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
