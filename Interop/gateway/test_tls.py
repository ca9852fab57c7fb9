# SPDX-License-Identifier: Apache-2.0
"""The gateway over TLS: Python's clients before it, Python's servers and issuers behind it."""

import asyncio
import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

import conftest
import sdk
from issuer import CLIENT, SECRET, Issuer

sys.path.append(str(conftest.INTEROP))
from certificates import Authority, client_cases  # noqa: E402

CLIENTS = ("none", "good", "expired", "other CA", "wrong name")
#: `client_auth`, and whether a client with such a certificate is served.
SERVED = {
    "none": {"none": True, "good": True, "expired": True, "other CA": True, "wrong name": True},
    "optional": {"none": True, "good": True, "expired": False, "other CA": False, "wrong name": True},
    "require": {"none": False, "good": True, "expired": False, "other CA": False, "wrong name": True},
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(str(tmp_path_factory.mktemp("authority")))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Authority:
    return Authority(str(tmp_path_factory.mktemp("stranger")))


@pytest.fixture(scope="module")
def client_files(authority, stranger):
    return client_cases(authority, stranger)


def context(files, ca_bundle: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca_bundle)
    if files:
        made.load_cert_chain(files.certfile, files.keyfile)
    return made


def listen(files, mode: str = "none", **more) -> dict:
    tls = {"certfile": files.certfile, "keyfile": files.keyfile, "client_auth": mode, **more}
    if mode != "none":
        tls["ca_bundle"] = files.ca_bundle
    return {"tls": tls}


class SecureGateway(conftest.Gateway):
    """A gateway that serves HTTPS."""

    def __init__(self, folder, configuration: dict, made: ssl.SSLContext, port: int | None = None):
        self.context = made
        super().__init__(folder, configuration, port)

    def url(self, path="/mcp") -> str:
        return f"https://localhost:{self.port}{path}"

    def get(self, path: str, made: ssl.SSLContext | None = None) -> tuple[int, str]:
        request = urllib.request.urlopen(self.url(path), timeout=conftest.LIVENESS, context=made or self.context)
        with request as answer:
            return answer.status, answer.read().decode()

    def wait_until_ready(self):
        deadline = time.monotonic() + conftest.LIVENESS
        while time.monotonic() < deadline:
            try:
                if set(json.loads(self.get("/ready")[1])["mcp_servers"].values()) <= {"up"}:
                    return
            except urllib.error.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the gateway did not become ready: {self.log_path.read_text()}")


@pytest.fixture(scope="module", params=tuple(SERVED))
def gateway(request, tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("tls")
    running = SecureGateway(
        folder,
        {"mcpServers": {"peer": conftest.servers(folder)["peer"]}, "listen": listen(authority.server, request.param)},
        context(authority.client, authority.server.ca_bundle),
    )
    running.mode = request.param
    yield running
    running.stop()


# Python's clients, our gateway


@pytest.mark.parametrize("client", CLIENTS)
def test_python_client_is_served_or_refused_by_its_certificate(gateway, authority, client_files, client):
    made = context(client_files[client], authority.server.ca_bundle)
    if SERVED[gateway.mode][client]:
        assert gateway.get("/health", made) == (200, '{"status":"healthy"}')
    else:
        with pytest.raises((urllib.error.URLError, OSError)):
            gateway.get("/health", made)


def test_python_client_verifies_the_gateway(gateway, stranger, client_files):
    with pytest.raises((urllib.error.URLError, OSError)):
        gateway.get("/health", context(client_files["good"], stranger.server.ca_bundle))
    with pytest.raises((urllib.error.URLError, OSError)):
        urllib.request.urlopen(f"http://localhost:{gateway.port}/health", timeout=conftest.LIVENESS)


def test_sdk_client_uses_the_gateway_over_tls(gateway, authority):
    made = context(authority.client, authority.server.ca_bundle)

    async def run():
        async with sdk.connect(gateway.url(), verify=made) as peer:
            assert "peer-echo" in await peer.tools()
            assert (await peer.call("peer-echo", {"text": "secured"}))["content"][0]["text"] == "secured"
            steps = []
            await peer.call("peer-steps", {"count": 3}, progress=steps)
            assert [done for done, _, _ in steps] == [1, 2, 3]

    asyncio.run(run())
    if gateway.mode != "none":
        assert "spiffe://test/gateway/a" in gateway.log_path.read_text()


def test_pages_of_other_origins_and_foreign_hosts_are_refused_over_tls(gateway):
    def status(headers: dict) -> int:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
        headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", **headers}
        request = urllib.request.Request(gateway.url(), data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=conftest.LIVENESS, context=gateway.context) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert status({"Origin": "https://evil.example"}) == 403
    assert status({"Host": "evil.example"}) == 421


def test_metrics_tell_calls_servers_and_certificates(gateway, authority):
    text = gateway.get("/metrics/prometheus")[1]
    assert 'gatehouse_mcp_server_up{server="peer"} 1' in text
    assert 'gatehouse_mcp_calls_total{kind="tool"}' in text
    days = [line for line in text.splitlines() if line.startswith("gatehouse_tls_certificate_days_left{")]
    assert any(authority.server.certfile in line and 'place="listen.tls"' in line for line in days)


# Our gateway, Python's servers


def python_server(folder, files, requirement: ssl.VerifyMode = ssl.CERT_NONE):
    """The SDK's server over HTTPS, on a port of its own."""
    port = conftest.free_port()
    process = subprocess.Popen(
        [conftest.python("1.30.0"), str(conftest.HERE / "upstream.py"), str(port), files.certfile, files.keyfile,
         files.ca_bundle, str(int(requirement))],
        env=conftest.environment(), cwd=folder, stderr=subprocess.DEVNULL,
    )
    return process, port


@pytest.mark.parametrize(
    "flaw, verify, client, up",
    [
        ("good", True, "none", True),
        ("expired", True, "none", False),
        ("other CA", True, "none", False),
        ("wrong name", True, "none", False),
        ("expired", False, "none", True),
        ("other CA", False, "none", True),
        ("wrong name", False, "none", True),
        ("mutual", True, "good", True),
        ("mutual", True, "none", False),
        ("mutual", True, "other CA", False),
    ],
)
def test_servers_are_used_or_refused_by_their_certificates(
    tmp_path, authority, stranger, client_files, flaw, verify, client, up
):
    files = {
        "expired": lambda: authority.issue("expired-server", days=-5, names=("localhost",)),
        "other CA": lambda: stranger.server,
        "wrong name": lambda: authority.issue("elsewhere-server"),
    }.get(flaw, lambda: authority.server)()
    requirement = ssl.CERT_REQUIRED if flaw == "mutual" else ssl.CERT_NONE
    process, port = python_server(tmp_path, files, requirement)
    tls = {"ca_bundle": authority.server.ca_bundle, "verify": verify}
    if client_files[client]:
        tls |= {"certfile": client_files[client].certfile, "keyfile": client_files[client].keyfile}
    gateway = None
    try:
        wait_for(port)
        gateway = Unready(
            tmp_path,
            {"mcpServers": {"peer": {"url": f"https://localhost:{port}/mcp", "tls": tls}}, "listen": {}},
        )
        assert gateway.state() == ("up" if up else "down"), gateway.log_path.read_text()
        words = {"expired": "expired on", "other CA": "was issued by", "wrong name": "is not for the name localhost"}
        if not up and flaw in words:
            assert words[flaw] in gateway.log_path.read_text()
    finally:
        if gateway:
            gateway.stop()
        process.terminate()
        process.wait(timeout=conftest.LIVENESS)


class Unready(conftest.Gateway):
    """A gateway whose server may be down."""

    def wait_until_ready(self):
        pass

    def state(self) -> str:
        """What became of the server."""
        deadline = time.monotonic() + conftest.LIVENESS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.url("/ready"), timeout=conftest.LIVENESS) as answer:
                    return json.load(answer)["mcp_servers"]["peer"]
            except urllib.error.HTTPError:
                time.sleep(0.05)
        raise AssertionError(self.log_path.read_text())


def wait_for(port: int):
    import socket

    deadline = time.monotonic() + conftest.LIVENESS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def test_without_a_bundle_a_private_authority_is_not_trusted(tmp_path, authority):
    process, port = python_server(tmp_path, authority.server)
    gateway = None
    try:
        wait_for(port)
        gateway = Unready(tmp_path, {"mcpServers": {"peer": {"url": f"https://localhost:{port}/mcp"}}})
        assert gateway.state() == "down"
        assert "was issued by" in gateway.log_path.read_text()
    finally:
        if gateway:
            gateway.stop()
        process.terminate()
        process.wait(timeout=conftest.LIVENESS)


# Issuers


def test_keys_and_tokens_are_got_over_tls(tmp_path, authority):
    issuer = Issuer(context=server_context(authority))
    upstream = conftest.free_port()
    process = subprocess.Popen(
        [conftest.python("1.30.0"), str(conftest.HERE / "upstream.py"), str(upstream)], env=conftest.environment()
    )
    tls = {"ca_bundle": authority.server.ca_bundle}
    gateway = None
    try:
        wait_for(upstream)
        gateway = Unready(
            tmp_path,
            {
                "mcpServers": {
                    "peer": {
                        "url": f"http://127.0.0.1:{upstream}/mcp",
                        "oauth": {
                            "token_url": f"{issuer.url}/token", "client_id": CLIENT, "client_secret": SECRET, "tls": tls,
                        },
                    }
                },
                "auth": {
                    "issuers": [{"issuer": issuer.url, "audience": "gw", "jwks_url": f"{issuer.url}/keys", "tls": tls}]
                },
            },
        )
        assert gateway.state() == "up", gateway.log_path.read_text()
        assert "/token" in issuer.requests and "/keys" in issuer.requests
        headers = {"authorization": f"Bearer {issuer.token(aud='gw')}"}

        async def run():
            async with sdk.connect(gateway.url(), headers=headers) as peer:
                assert (await peer.call("peer-echo", {"text": "known"}))["content"][0]["text"] == "known"

        asyncio.run(run())
        # Metrics ask for a token where calls do, and take any.
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(gateway.url("/metrics/prometheus"), timeout=conftest.LIVENESS)
        assert refused.value.code == 401
        request = urllib.request.Request(gateway.url("/metrics/prometheus"), headers=headers)
        with urllib.request.urlopen(request, timeout=conftest.LIVENESS) as answer:
            assert 'gatehouse_mcp_calls_total{kind="tool"} 1' in answer.read().decode()
    finally:
        if gateway:
            gateway.stop()
        issuer.stop()
        process.terminate()
        process.wait(timeout=conftest.LIVENESS)


def server_context(authority) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(authority.server.certfile, authority.server.keyfile)
    return made


# Starting


def test_wrong_files_are_status_2_with_the_line(tmp_path, authority, stranger):
    files = authority.server
    (tmp_path / "gateway.yaml").write_text(
        f"listen:\n  tls:\n    certfile: {files.certfile}\n    keyfile: {stranger.server.keyfile}\n"
    )
    process = subprocess.run(
        [conftest.gatehouse(), "gateway", "--port", "0"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        cwd=tmp_path, timeout=conftest.LIVENESS, env=conftest.environment(),
    )
    assert process.returncode == 2, process.stderr
    assert "gateway.yaml:4: listen.tls.keyfile" in process.stderr and "is not the key" in process.stderr


def test_the_mcp_command_uses_the_gateway_over_tls(gateway, authority):
    def run(*more: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [conftest.gatehouse(), "mcp", "info", "--url", gateway.url(), *more], capture_output=True, text=True,
            timeout=conftest.LIVENESS, env=conftest.environment(),
        )

    files = authority.client
    answered = run("--ca-bundle", files.ca_bundle, "--certfile", files.certfile, "--keyfile", files.keyfile)
    assert answered.returncode == 0 and "peer-echo" in json.loads(answered.stdout)["tools"], answered.stderr
    untrusted = run()
    assert untrusted.returncode == 1 and "was issued by" in untrusted.stderr
    missing = run("--ca-bundle", "/nowhere/ca.crt")
    assert missing.returncode == 2 and "--ca-bundle" in missing.stderr
