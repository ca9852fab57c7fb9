# SPDX-License-Identifier: Apache-2.0
"""TLS and mutual TLS of the plugin contract over MCP/HTTP, between our server and client and Python's."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import yaml

import peers
from certificates import Authority, certs, client_cases, server_cases
from hook_cases import CASES
from servers import HERE, LIVENESS, PLUGINS, Process, Server, binary, clean_environment, fails_to_start

pytestmark = pytest.mark.gatehouse

PRE = "tool_pre_invoke"
CLIENTS = ("none", "good", "expired", "other CA", "wrong name")
#: `ssl_cert_reqs`, and whether a client with such a certificate is served; Python's server does as ours.
SERVED = {
    0: {"none": True, "good": True, "expired": True, "other CA": True, "wrong name": True},
    1: {"none": True, "good": True, "expired": False, "other CA": False, "wrong name": True},
    2: {"none": False, "good": True, "expired": False, "other CA": False, "wrong name": True},
}


@pytest.fixture(scope="module")
def authority(session_folder) -> Authority:
    return Authority(session_folder / "http-authority")


@pytest.fixture(scope="module")
def stranger(session_folder) -> Authority:
    return Authority(session_folder / "http-stranger")


@pytest.fixture(scope="module")
def client_files(authority, stranger):
    return client_cases(authority, stranger)


@pytest.fixture(scope="module")
def server_files(authority, stranger):
    return server_cases(authority, stranger)


def variables(files, requirement: int = 0, **more: str) -> dict[str, str]:
    """The environment that makes a server of ours speak TLS."""
    names = {"ENABLED": "true", "CERTFILE": files.certfile, "KEYFILE": files.keyfile, "CERT_REQS": str(requirement)}
    if requirement:
        names["CA_CERTS"] = files.ca_bundle
    return {f"PLUGINS_SERVER_SSL_{name}": value for name, value in {**names, **more}.items()}


def our_server(folder: str, files, requirement: int = 0, **more) -> Server:
    return Server(
        "gatehouse", folder, options=("--transport", "http"), environment=variables(files, requirement), **more
    )


class PythonServer(Process):
    """The stock MCP plugin server over HTTPS."""

    def __init__(self, folder: str, files, requirement: int = 0):
        more = ["--ca-bundle", files.ca_bundle] if requirement else []
        super().__init__(
            [sys.executable, str(HERE / "reference_mcp_server.py"), "-c", str(PLUGINS), "--certfile", files.certfile,
             "--keyfile", files.keyfile, "--ssl-cert-reqs", str(requirement), *more],
            folder,
        )
        self.wait_for_line("READY")
        records = [each for each in self.log_records() if each["message"] == "Plugin server listening"]
        self.port = int(records[0]["address"].rpartition(":")[2])


@pytest.fixture(scope="module", params=(0, 1, 2))
def tls_server(request, session_folder, authority):
    """A server of ours that speaks TLS, for each ssl_cert_reqs."""
    server = our_server(session_folder.path, authority.server, request.param)
    server.requirement = request.param
    yield server
    server.stop()


def context(files, ca_bundle: str | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca_bundle)
    if files:
        made.load_cert_chain(files.certfile, files.keyfile)
    return made


def get(port: int, path: str, made: ssl.SSLContext, host: str = "localhost") -> tuple[int, str]:
    with urllib.request.urlopen(f"https://{host}:{port}{path}", timeout=LIVENESS, context=made) as answer:
        return answer.status, answer.read().decode()


# Python's clients, our server


@pytest.mark.parametrize("client", CLIENTS)
def test_python_client_is_served_or_refused_by_its_certificate(tls_server, authority, client_files, client):
    made = context(client_files[client], authority.server.ca_bundle)
    if SERVED[tls_server.requirement][client]:
        assert get(tls_server.port, "/health", made) == (200, '{"status":"healthy"}')
    else:
        # Over TLS 1.3 the refusal comes after the client's handshake, as an error of the first read.
        with pytest.raises((urllib.error.URLError, OSError)):
            get(tls_server.port, "/health", made)


@pytest.mark.parametrize("flaw", ("no TLS", "other CA", "wrong name"))
def test_python_client_verifies_our_server(tls_server, authority, stranger, client_files, flaw):
    good = client_files["good"]
    with pytest.raises((urllib.error.URLError, OSError)):
        if flaw == "no TLS":
            urllib.request.urlopen(f"http://localhost:{tls_server.port}/health", timeout=LIVENESS)
        elif flaw == "other CA":
            get(tls_server.port, "/health", context(good, stranger.server.ca_bundle))
        else:
            # 127.0.0.2 leads here, too, and is none of the certificate's names.
            get(tls_server.port, "/health", context(good, authority.server.ca_bundle), host="127.0.0.2")


async def test_reference_client_speaks_mutual_tls_with_our_server(session_folder, authority):
    server = our_server(session_folder.path, authority.server, 2)
    try:
        files = authority.client
        config = peers.PluginConfig(
            name="Echo", kind="external",
            mcp=peers.MCPClientConfig(
                proto="STREAMABLEHTTP", url=f"https://localhost:{server.port}/mcp",
                tls={"certfile": files.certfile, "keyfile": files.keyfile, "ca_bundle": files.ca_bundle},
            ),
        )
        client = peers.MCPExternalPlugin(config)
        await client.initialize()
        try:
            for _ in range(3):
                result = await client.invoke_hook(PRE, peers.payload_for(PRE, CASES[PRE][0]), peers.context())
                assert result.metadata == {"hook": PRE}
        finally:
            await client.shutdown()
        records = [each for each in server.log_records() if each["message"] == "TLS client identified"]
        assert records and records[0]["subject"] == "CN=mcp-gateway,O=Gatehouse"
        assert records[0]["spiffe_id"] == "spiffe://test/gateway/a"
    finally:
        server.stop()


def test_metrics_tell_when_certificates_expire(tls_server, authority, client_files):
    _, text = get(tls_server.port, "/metrics/prometheus", context(client_files["good"], authority.server.ca_bundle))
    assert 'ssl_enabled="true"' in text
    days = [line for line in text.splitlines() if line.startswith("gatehouse_tls_certificate_days_left{")]
    own = [line for line in days if authority.server.certfile in line]
    assert len(own) == 1 and 'place="server_settings.tls"' in own[0] and own[0].endswith((" 824", " 825"))
    assert len(days) == (1 if tls_server.requirement == 0 else 2)


# Our client, Python's server and ours


@pytest.fixture(scope="module", params=("reference", "gatehouse"))
def servers_by_requirement(request, session_folder, authority):
    """Servers of a kind, made when they are first asked for."""
    started = {}

    def get_server(requirement: int, files=None):
        files = files or authority.server
        key = (requirement, files.certfile)
        if key not in started:
            make = our_server if request.param == "gatehouse" else PythonServer
            started[key] = make(session_folder.path, files, requirement)
        return started[key]

    get_server.kind = request.param
    yield get_server
    for each in started.values():
        each.stop()


def run_ours(folder, url: str, tls: dict | None, environment: dict | None = None) -> tuple[bool, str]:
    """Runs a hook of the server's NoOp with `gatehouse plugins`: whether it was served, and all that was said."""
    entry = {"name": "NoOp", "kind": "external", "hooks": [PRE], "mcp": {"proto": "STREAMABLEHTTP", "url": url}}
    if tls is not None:
        entry["mcp"]["tls"] = tls
    path = folder / "client.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump({"plugins": [entry]}, file)
    process = subprocess.run(
        [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", "run", PRE, "-c", path, "--json",
         "--payload", '{"name": "t", "args": {}}'],
        capture_output=True, text=True, timeout=120, cwd=folder.path,
        env={**clean_environment(), **(environment or {})},
    )
    if not process.stdout:
        return False, process.stderr
    answer = json.loads(process.stdout)
    # NoOp has no conditions: it is asked if it can be.
    assert answer["steps"], answer
    return answer.get("error") is None, process.stdout + process.stderr


def settings(files, ca_bundle: str, **more) -> dict:
    tls = {"ca_bundle": ca_bundle, **more}
    if files:
        tls |= {"certfile": files.certfile, "keyfile": files.keyfile}
    return tls


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("requirement", (0, 1, 2))
def test_our_client_is_served_or_refused_by_its_certificate(
    servers_by_requirement, folder, authority, client_files, requirement, client
):
    server = servers_by_requirement(requirement)
    url = f"https://localhost:{server.port}/mcp"
    served, said = run_ours(folder, url, settings(client_files[client], authority.server.ca_bundle))
    if client == "expired":
        # It is refused here already, before anybody is asked.
        assert not served and "expired on" in said and "client.yaml:" in said and "mcp.tls.certfile" in said
        return
    assert served == SERVED[requirement][client], said
    if not served:
        words = {"none": "requires a certificate", "other CA": "does not trust the authority"}
        assert words[client] in said or servers_by_requirement.kind == "reference", said


@pytest.mark.parametrize("verify", (True, False))
@pytest.mark.parametrize("flaw", ("good", "other CA", "wrong name", "expired"))
def test_our_client_verifies_the_server_unless_told_otherwise(
    servers_by_requirement, folder, authority, server_files, flaw, verify
):
    if flaw == "expired" and servers_by_requirement.kind == "gatehouse":
        log = fails_to_start(
            "gatehouse", folder, "-c", str(PLUGINS), "--transport", "http", "-p", "0", status=2,
            **variables(server_files[flaw]),
        )
        assert "expired on" in log and server_files[flaw].certfile in log
        assert "PLUGINS_SERVER_SSL_CERTFILE: server_settings.tls.certfile" in log
        return
    server = servers_by_requirement(0, server_files[flaw])
    url = f"https://localhost:{server.port}/mcp"
    served, said = run_ours(folder, url, settings(None, authority.server.ca_bundle, verify=verify))
    assert served == (flaw == "good" or not verify), said
    words = {"other CA": "was issued by", "wrong name": "is not for the name localhost", "expired": "expired on"}
    if not served:
        assert words[flaw] in said
    if not verify:
        assert "verify" in said and "is false" in said


def test_our_client_takes_the_variables_of_the_reference(servers_by_requirement, folder, authority):
    server = servers_by_requirement(2)
    files = authority.client
    environment = {
        "PLUGINS_CLIENT_MTLS_CA_BUNDLE": files.ca_bundle, "PLUGINS_CLIENT_MTLS_CERTFILE": files.certfile,
        "PLUGINS_CLIENT_MTLS_KEYFILE": files.keyfile,
    }
    served, said = run_ours(folder, f"https://localhost:{server.port}/mcp", None, environment)
    assert served, said


def test_tls_and_plain_text_do_not_meet(servers_by_requirement, folder, authority):
    server = servers_by_requirement(0)
    served, _ = run_ours(folder, f"http://localhost:{server.port}/mcp", None)
    assert not served
    served, said = run_ours(folder, f"http://localhost:{server.port}/mcp", settings(None, authority.server.ca_bundle))
    assert not served and "needs a URL with https://" in said
    plain = Server("gatehouse", folder.path, options=("--transport", "http"))
    try:
        url = f"https://localhost:{plain.port}/mcp"
        served, said = run_ours(folder, url, settings(None, authority.server.ca_bundle))
        assert not served and "NoOp" in said
    finally:
        plain.stop()


# Starting


def test_tls_flag_switches_it_on_and_off(folder, authority):
    config = yaml.safe_load(PLUGINS.read_text(encoding="utf-8"))
    files = authority.server
    config["server_settings"] = {"tls": {"certfile": files.certfile, "keyfile": files.keyfile, "ssl_cert_reqs": 0}}
    path = folder / "tls.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True)
    server = Server("gatehouse", folder.path, config=path, options=("--transport", "http"))
    assert get(server.port, "/health", context(None, files.ca_bundle))[0] == 200
    server.stop()
    server = Server("gatehouse", folder.path, config=path, options=("--transport", "http", "--no-tls"))
    with urllib.request.urlopen(f"http://localhost:{server.port}/health", timeout=LIVENESS) as answer:
        assert answer.status == 200
    server.stop()
    log = fails_to_start(
        "gatehouse", folder, "-c", str(PLUGINS), "--transport", "http", "-p", "0", "--tls", status=2
    )
    assert "--tls" in log and "server_settings.tls.certfile" in log
    # The line of the file is told, although the fault shows only when the file is used.
    config["server_settings"]["tls"]["keyfile"] = files.certfile
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True)
    log = fails_to_start("gatehouse", folder, "-c", path, "--transport", "http", "-p", "0", status=2)
    line = next(i for i, each in enumerate(open(path, encoding="utf-8"), 1) if "keyfile" in each)
    assert f"tls.yaml:{line}: server_settings.tls.keyfile" in log and "has no private key" in log


# Other programs


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_certificates_versions_and_protocol(tls_server, authority):
    def s_client(*more: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{tls_server.port}", "-CAfile", authority.server.ca_bundle,
             "-verify_return_error", "-verify_hostname", "localhost", "-alpn", "h2,http/1.1", *more],
            input="", capture_output=True, text=True, timeout=LIVENESS,
        )

    certificate = ("-cert", authority.client.certfile, "-key", authority.client.keyfile)
    for version in ("-tls1_2", "-tls1_3"):
        process = s_client(version, *certificate)
        assert process.returncode == 0, process.stderr
        assert "Verification: OK" in process.stdout and "ALPN protocol: http/1.1" in process.stdout
    assert s_client("-tls1_1").returncode != 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_accepts_the_certificate(tls_server, authority):
    files = authority.client
    process = subprocess.run(
        ["curl", "-sS", "--cacert", files.ca_bundle, "--cert", files.certfile, "--key", files.keyfile,
         "-w", " %{http_version} %{http_code}", f"https://localhost:{tls_server.port}/health"],
        capture_output=True, text=True, timeout=LIVENESS,
    )
    assert (process.returncode, process.stdout) == (0, '{"status":"healthy"} 1.1 200'), process.stderr


# Rotation


def test_rotated_certificates_are_used_by_new_connections(folder):
    own = Authority(folder / "rotating")
    server = our_server(folder.path, own.server, 2)
    try:
        made = context(own.client, own.server.ca_bundle)

        def serial() -> int:
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIVENESS) as plain:
                with made.wrap_socket(plain, server_hostname="localhost") as secured:
                    return secured.getpeercert()["serialNumber"]

        before = serial()
        certs("plugin", "filter", "--force", folder=own.root)
        end = time.monotonic() + LIVENESS
        while serial() == before:
            assert time.monotonic() < end, server.log()
            assert get(server.port, "/health", made)[0] == 200
        assert any("new connections use the new" in each["message"] for each in server.log_records())
        with open(own.server.certfile, "w", encoding="ascii") as file:
            file.write("nonsense")
        while not any("are refused" in each["message"] for each in server.log_records()):
            assert time.monotonic() < end, server.log()
            assert get(server.port, "/health", made)[0] == 200
        assert get(server.port, "/health", made)[0] == 200
        assert os.path.getsize(own.server.certfile) == len("nonsense")
    finally:
        server.stop()
