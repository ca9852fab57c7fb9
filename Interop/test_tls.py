# SPDX-License-Identifier: Apache-2.0
"""TLS and mutual TLS between our server and client and Python's, whatever either side is set to."""

import json
import os
import shutil
import subprocess
import time

import grpc
import pytest
import yaml

import peers
import raw
from certificates import Authority, certs, client_cases, server_cases
from servers import LIVENESS, PLUGINS, Server, binary, clean_environment, fails_to_start

pytestmark = pytest.mark.gatehouse

CLIENTS = ("none", "good", "expired", "other CA", "wrong name")
MODES = ("none", "optional", "require")
#: What a server of ours answers to a client's certificate: whether the call is served.
SERVED = {
    "none": {"none": True, "good": True, "expired": True, "other CA": True, "wrong name": True},
    "optional": {"none": True, "good": True, "expired": False, "other CA": False, "wrong name": True},
    "require": {"none": False, "good": True, "expired": False, "other CA": False, "wrong name": True},
}
#: What a Python server answers to a client of ours; it asks for no certificate with `optional`.
SERVED_BY_PYTHON = {**SERVED, "optional": SERVED["none"]}


@pytest.fixture(scope="module")
def authority(session_folder) -> Authority:
    return Authority(session_folder / "authority")


@pytest.fixture(scope="module")
def stranger(session_folder) -> Authority:
    return Authority(session_folder / "stranger")


@pytest.fixture(scope="module")
def client_files(authority, stranger):
    return client_cases(authority, stranger)


@pytest.fixture(scope="module")
def server_files(authority, stranger):
    return server_cases(authority, stranger)


def variables(files, mode: str = "none", **more: str) -> dict[str, str]:
    """The environment that makes a server of ours speak TLS."""
    names = {"ENABLED": "true", "CERTFILE": files.certfile, "KEYFILE": files.keyfile, "CLIENT_AUTH": mode}
    if mode != "none":
        names["CA_CERTS"] = files.ca_bundle
    return {f"PLUGINS_GRPC_SERVER_SSL_{name}": value for name, value in {**names, **more}.items()}


def configuration(folder, tls: dict) -> str:
    """The suite's configuration with a `tls` block."""
    config = yaml.safe_load(PLUGINS.read_text(encoding="utf-8"))
    config["grpc_server_settings"] = {"tls": tls}
    path = folder / "tls.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True)
    return path


@pytest.fixture(scope="module", params=MODES)
def tls_server(request, session_folder, authority):
    """A server of ours that speaks TLS, for each client_auth."""
    server = Server(
        "gatehouse", session_folder.path, environment=variables(authority.server, request.param)
    )
    server.mode = request.param
    yield server
    server.stop()


def ask(port: int, files, ca_bundle: str, host: str = "localhost"):
    """Calls the server with Python's grpcio; the error, or None."""
    with open(ca_bundle, "rb") as file:
        roots = file.read()
    credentials = grpc.ssl_channel_credentials(
        roots, files and files.read("keyfile"), files and files.read("certfile")
    )
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    with grpc.secure_channel(f"{host}:{port}", credentials, options=options) as channel:
        stub = peers.pb2_grpc.PluginServiceStub(channel)
        try:
            response = stub.InvokeHook(peers.pb2.InvokeHookRequest.FromString(raw.invoke()), timeout=LIVENESS)
        except grpc.RpcError as error:
            return error
    assert response.plugin_name == "Echo"
    return None


# Python's client, our server


@pytest.mark.parametrize("client", CLIENTS)
def test_python_client_is_served_or_refused_by_its_certificate(tls_server, authority, client_files, client):
    error = ask(tls_server.port, client_files[client], authority.server.ca_bundle)
    served = SERVED[tls_server.mode][client]
    assert (error is None) == served, error
    if not served:
        assert error.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("flaw", ("expired", "other CA", "wrong name"))
def test_python_client_without_tls_or_with_another_authority_is_not_served(tls_server, stranger, flaw):
    if flaw == "expired":
        with grpc.insecure_channel(f"127.0.0.1:{tls_server.port}") as channel:
            with pytest.raises(grpc.RpcError):
                stub = peers.pb2_grpc.PluginServiceStub(channel)
                stub.InvokeHook(peers.pb2.InvokeHookRequest.FromString(raw.invoke()), timeout=LIVENESS)
    elif flaw == "other CA":
        assert ask(tls_server.port, stranger.client, stranger.server.ca_bundle) is not None
    else:
        # 127.0.0.2 leads here, too, and is none of the certificate's names.
        assert ask(tls_server.port, None, stranger.server.ca_bundle, host="127.0.0.2") is not None


@pytest.mark.asyncio
async def test_reference_client_speaks_mutual_tls_with_our_server(connect, session_folder, authority):
    server = Server("gatehouse", session_folder.path, environment=variables(authority.server, "require"))
    try:
        files = authority.client
        config = peers.PluginConfig(
            name="Echo", kind="external",
            grpc=peers.GRPCClientConfig(
                target=f"localhost:{server.port}",
                tls={"certfile": files.certfile, "keyfile": files.keyfile, "ca_bundle": files.ca_bundle},
            ),
        )
        client = peers.GrpcExternalPlugin(config)
        await client.initialize()
        await client.shutdown()
        records = [each for each in server.log_records() if each["message"] == "TLS client identified"]
        assert records and records[0]["subject"] == "CN=mcp-gateway,O=Gatehouse"
        assert records[0]["spiffe_id"] == "spiffe://test/gateway/a"
    finally:
        server.stop()


# Our client, Python's server and ours


@pytest.fixture(scope="module", params=("reference", "gatehouse"))
def servers_by_mode(request, session_folder, authority):
    """Servers of a kind, made when they are first asked for."""
    started = {}

    def get(mode: str, files=None) -> Server:
        files = files or authority.server
        key = (mode, files.certfile)
        if key not in started:
            if request.param == "gatehouse":
                started[key] = Server("gatehouse", session_folder.path, environment=variables(files, mode))
            else:
                more = ("--certfile", files.certfile, "--keyfile", files.keyfile, "--client-auth", mode)
                if mode != "none":
                    more += ("--ca-bundle", files.ca_bundle)
                started[key] = Server("reference", session_folder.path, options=more)
        return started[key]

    get.kind = request.param
    yield get
    for each in started.values():
        each.stop()


def run_ours(folder, port: int, tls: dict | None, host: str = "localhost") -> tuple[bool, str]:
    """Runs a hook of the server's NoOp with `gatehouse plugins`: whether it was served, and all that was said."""
    entry = {"name": "NoOp", "kind": "external", "hooks": ["tool_pre_invoke"], "grpc": {"target": f"{host}:{port}"}}
    if tls is not None:
        entry["grpc"]["tls"] = tls
    path = folder / "client.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump({"plugins": [entry]}, file)
    process = subprocess.run(
        [binary("GATEHOUSE_BIN", "gatehouse"), "plugins", "run", "tool_pre_invoke", "-c", path, "--json",
         "--payload", '{"name": "t", "args": {}}'],
        capture_output=True, text=True, timeout=120, cwd=folder.path, env=clean_environment(),
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
@pytest.mark.parametrize("mode", MODES)
def test_our_client_is_served_or_refused_by_its_certificate(
    servers_by_mode, folder, authority, client_files, mode, client
):
    server = servers_by_mode(mode)
    served, said = run_ours(folder, server.port, settings(client_files[client], authority.server.ca_bundle))
    if client == "expired":
        # It is refused here already, before anybody is asked.
        assert not served and "expired on" in said and "grpc.tls.certfile" in said
        return
    table = SERVED if servers_by_mode.kind == "gatehouse" else SERVED_BY_PYTHON
    assert served == table[mode][client], said
    if not served:
        words = {"none": "requires a certificate", "other CA": "does not trust the authority"}
        # Python's server may just close.
        assert words[client] in said or servers_by_mode.kind == "reference", said


@pytest.mark.parametrize("verify", (True, False))
@pytest.mark.parametrize("flaw", ("good", "other CA", "wrong name", "expired"))
def test_our_client_verifies_the_server_unless_told_otherwise(
    servers_by_mode, folder, authority, server_files, flaw, verify
):
    if flaw == "expired" and servers_by_mode.kind == "gatehouse":
        log = fails_to_start(
            "gatehouse", folder, "-c", str(PLUGINS), "-p", "0", status=2, **variables(server_files[flaw])
        )
        assert "expired on" in log and server_files[flaw].certfile in log
        return
    server = servers_by_mode("none", server_files[flaw])
    served, said = run_ours(folder, server.port, settings(None, authority.server.ca_bundle, verify=verify))
    assert served == (flaw == "good" or not verify), said
    words = {"other CA": "was issued by", "wrong name": "is not for the name localhost", "expired": "expired on"}
    if not served:
        assert words[flaw] in said
    if not verify:
        assert "verify" in said and "is false" in said


def test_our_client_without_tls_is_told_that_the_server_wants_it(servers_by_mode, folder, authority):
    server = servers_by_mode("none")
    served, _ = run_ours(folder, server.port, None)
    assert not served
    plain = Server("gatehouse", folder.path)
    try:
        served, said = run_ours(folder, plain.port, settings(None, authority.server.ca_bundle))
        assert not served and "TLS handshake" in said
    finally:
        plain.stop()


# Starting


def test_tls_flag_switches_it_on_and_off(folder, authority):
    files = authority.server
    path = configuration(
        folder, {"certfile": files.certfile, "keyfile": files.keyfile, "client_auth": "none"}
    )
    server = Server("gatehouse", folder.path, config=path)
    assert ask(server.port, None, files.ca_bundle) is None
    server.stop()
    server = Server("gatehouse", folder.path, config=path, options=("--no-tls",))
    assert ask(server.port, None, files.ca_bundle) is not None
    server.stop()
    log = fails_to_start("gatehouse", folder, "-c", str(PLUGINS), "-p", "0", "--tls", status=2)
    assert "--tls" in log and "certfile" in log


def test_wrong_files_are_status_2_and_named(folder, authority, stranger):
    files = authority.server

    def said(**more: str) -> str:
        return fails_to_start(
            "gatehouse", folder, "-c", str(PLUGINS), "-H", "127.0.0.1", "-p", "0", status=2, **variables(files, **more)
        )

    log = said(KEYFILE=stranger.server.keyfile)
    assert "grpc_server_settings.tls.keyfile" in log and stranger.server.keyfile in log and "is not the key" in log
    log = said(KEYFILE="/nowhere/server.key")
    assert "/nowhere/server.key" in log
    encrypted = folder / "encrypted.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", files.keyfile, "-out", encrypted, "-passout", "pass:secret"], check=True
    )
    assert "keyfile_password" in said(KEYFILE=encrypted)
    log = said(KEYFILE=encrypted, KEYFILE_PASSWORD="wrong")
    assert "keyfile_password" in log and "pass:wrong" not in log
    server = Server(
        "gatehouse", folder.path, environment=variables(files, KEYFILE=encrypted, KEYFILE_PASSWORD="secret")
    )
    assert ask(server.port, None, files.ca_bundle) is None
    server.stop()
    path = configuration(folder, {"certfile": files.certfile, "keyfile": files.keyfile, "client_auth": "none"})
    log = fails_to_start("gatehouse", folder, "-c", path, "--uds", folder / "s.sock", status=2)
    assert "does not go with a Unix socket" in log


def test_only_allowed_clients_are_served(folder, authority, client_files):
    files = authority.server
    path = configuration(
        folder,
        {
            "certfile": files.certfile, "keyfile": files.keyfile, "ca_bundle": files.ca_bundle,
            "allowed_clients": ["spiffe://test/gateway/*"],
        },
    )
    server = Server("gatehouse", folder.path, config=path)
    try:
        assert ask(server.port, authority.client, files.ca_bundle) is None
        assert ask(server.port, client_files["wrong name"], files.ca_bundle) is not None
        assert any(each["message"] == "Refused a TLS client" for each in server.log_records())
    finally:
        server.stop()


# Other programs


def s_client(port: int, ca_bundle: str, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca_bundle, "-verify_return_error",
         "-verify_hostname", "localhost", "-alpn", "h2", *more],
        input="", capture_output=True, text=True, timeout=LIVENESS,
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_certificates_versions_and_protocol(tls_server, authority):
    bundle = authority.server.ca_bundle
    certificate = ("-cert", authority.client.certfile, "-key", authority.client.keyfile)
    for version in ("-tls1_2", "-tls1_3"):
        process = s_client(tls_server.port, bundle, version, *certificate)
        assert process.returncode == 0, process.stderr
        assert "Verification: OK" in process.stdout and "ALPN protocol: h2" in process.stdout
        asks = "Acceptable client certificate CA names" in process.stdout or "Requested Signature" in process.stdout
        assert asks == (tls_server.mode != "none")
    assert s_client(tls_server.port, bundle, "-tls1_1").returncode != 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_accepts_the_certificate(tls_server, authority, folder):
    request = folder / "request.bin"
    with open(request, "wb") as file:
        file.write(raw.message(raw.invoke()))
    files = authority.client
    process = subprocess.run(
        ["curl", "-sS", "--cacert", files.ca_bundle, "--cert", files.certfile, "--key", files.keyfile,
         "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", f"@{request}",
         "-o", folder / "answer.bin", "-w", "%{http_version} %{http_code}",
         f"https://localhost:{tls_server.port}{raw.INVOKE}"],
        capture_output=True, text=True, timeout=LIVENESS,
    )
    assert (process.returncode, process.stdout) == (0, "2 200"), process.stderr
    assert os.path.getsize(folder / "answer.bin") > 5


# Rotation


def test_rotated_certificates_are_used_by_new_connections_and_old_ones_go_on(folder):
    own = Authority(folder / "rotating")
    server = Server("gatehouse", folder.path, environment=variables(own.server, "require"))
    try:
        with open(own.server.ca_bundle, "rb") as file:
            credentials = grpc.ssl_channel_credentials(
                file.read(), own.client.read("keyfile"), own.client.read("certfile")
            )
        with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
            stub = peers.pb2_grpc.PluginServiceStub(channel)
            request = peers.pb2.InvokeHookRequest.FromString(raw.invoke())
            stub.InvokeHook(request, timeout=LIVENESS)
            certs("plugin", "filter", "--force", folder=own.root)
            end = time.monotonic() + LIVENESS
            while not any("new connections use the new" in each["message"] for each in server.log_records()):
                assert time.monotonic() < end, server.log()
                stub.InvokeHook(request, timeout=LIVENESS)
            assert ask(server.port, own.client, own.server.ca_bundle) is None
            with open(own.server.certfile, "w", encoding="ascii") as file:
                file.write("nonsense")
            while not any("are refused" in each["message"] for each in server.log_records()):
                assert time.monotonic() < end, server.log()
                stub.InvokeHook(request, timeout=LIVENESS)
            assert ask(server.port, own.client, own.server.ca_bundle) is None
    finally:
        server.stop()
