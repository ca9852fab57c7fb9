# SPDX-License-Identifier: Apache-2.0
"""`gatehouse certs`: the files, their modes, and what other programs say of them."""

import json
import os
import shutil
import stat
import subprocess

import pytest
import yaml

from certificates import certs

pytestmark = pytest.mark.gatehouse


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def configured(folder):
    """A folder with a configuration of two external plugins, whose certificates are yet to be made."""
    entries = [
        {
            "name": "Filter", "kind": "external",
            "grpc": {
                "target": "plugins.example.com:50051",
                "tls": {"certfile": "certs/mcp/gateway/client.crt", "keyfile": "certs/mcp/gateway/client.key",
                        "ca_bundle": "certs/mcp/gateway/ca.crt"},
            },
        },
        {"name": "Other", "kind": "external", "mcp": {"proto": "STREAMABLEHTTP", "url": "https://10.0.0.9:8000/mcp"}},
        {"name": "Local", "kind": "DenyListPlugin", "hooks": ["prompt_pre_fetch"], "config": {"words": ["x"]}},
    ]
    with open(folder / "plugins.yaml", "w", encoding="utf-8") as file:
        yaml.safe_dump({"plugins": entries}, file)
    return folder


def test_all_makes_what_the_configuration_needs(configured):
    folder = configured.path
    certs("all", "--config", "plugins.yaml", folder=folder)
    root = os.path.join(folder, "certs", "mcp")
    found = sorted(os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names)
    assert found == [
        "ca/ca.crt", "ca/ca.key", "gateway/ca.crt", "gateway/client.crt", "gateway/client.key",
        "plugins/Filter/ca.crt", "plugins/Filter/server.crt", "plugins/Filter/server.key",
        "plugins/Other/ca.crt", "plugins/Other/server.crt", "plugins/Other/server.key",
    ]
    for path in found:
        assert mode(os.path.join(root, path)) == (0o600 if path.endswith(".key") else 0o644), path
    rows = json.loads(certs("check", "--json", folder=folder).stdout)
    names = {row["file"].split("/")[-2]: row["names"] for row in rows}
    assert "plugins.example.com" in names["Filter"] and "10.0.0.9" in names["Other"]
    assert all(row["problems"] == [] and 800 < row["days"] <= 825 for row in rows)
    before = {path: open(os.path.join(root, path), "rb").read() for path in found}
    again = certs("all", "--config", "plugins.yaml", folder=folder)
    assert "left as it is" in again.stdout and ": made" not in again.stdout
    assert before == {path: open(os.path.join(root, path), "rb").read() for path in found}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("key", ([], ["--rsa", "4096"]), ids=["P-256", "RSA 4096"])
def test_openssl_verifies_what_was_made(folder, key):
    certs("plugin", "Filter", *key, "--san", "10.0.0.7", folder=folder.path)
    root = os.path.join(folder.path, "certs", "mcp")

    def verify(*more: str) -> int:
        return subprocess.run(
            ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", os.path.join(root, "ca/ca.crt"),
             *more, os.path.join(root, "plugins/Filter/server.crt")],
            capture_output=True, timeout=60,
        ).returncode

    assert verify("-verify_hostname", "mcp-plugin-Filter") == 0
    assert verify("-verify_ip", "10.0.0.7") == 0
    assert verify("-verify_ip", "10.0.0.8") != 0
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", os.path.join(root, "plugins/Filter/server.crt")],
        capture_output=True, text=True, timeout=60,
    ).stdout
    assert "TLS Web Server Authentication" in text
    assert ("Public-Key: (4096 bit)" if key else "ASN1 OID: prime256v1") in text


def test_check_ends_with_1_when_something_is_wrong(folder):
    certs("gateway", folder=folder.path)
    os.chmod(os.path.join(folder.path, "certs/mcp/gateway/client.key"), 0o644)
    assert "others may read its key" in certs("check", folder=folder.path, status=1).stdout
    assert "does not exist" in certs("check", "--dir", "elsewhere", folder=folder.path, status=1).stderr


def test_renew_keeps_names_and_copies(folder):
    certs("ca", folder=folder.path)
    certs("plugin", "Filter", "--days", "10", "--san", "spiffe://test/filter", folder=folder.path)
    assert "soon" in certs("check", folder=folder.path).stdout
    assert "server.crt: renewed" in certs("renew", folder=folder.path).stdout
    row = json.loads(certs("check", "--json", folder=folder.path).stdout)[-1]
    assert row["days"] > 800 and "spiffe://test/filter" in row["names"]
    copies = [name for name in os.listdir(folder / "certs/mcp/plugins/Filter") if name.endswith(".bak")]
    assert len(copies) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plugin", "../x"), "cannot be the name"),
        (("plugin", "x", "--days", "0"), "--days"),
        (("plugin", "x", "--rsa", "1024"), "--rsa"),
        (("plugin", "x", "--san", "a b"), "--san"),
    ],
)
def test_wrong_words_are_told(folder, arguments, said):
    status = 1 if arguments[1] == "../x" else 2
    assert said in certs(*arguments, folder=folder.path, status=status).stderr
    assert not os.path.exists(folder / "certs")
