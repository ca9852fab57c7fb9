# SPDX-License-Identifier: Apache-2.0
"""`run-server.sh`: the transport comes from PLUGINS_TRANSPORT, and an unknown one ends it."""

import subprocess

import pytest

from servers import PLUGINS, ROOT, Process, binary, clean_environment

pytestmark = pytest.mark.gatehouse
SCRIPT = str(ROOT / "run-server.sh")


@pytest.mark.parametrize("transport", ["udp", "grpc,udp", "GRPC UNIX"])
def test_unknown_transport_names_the_valid_ones_and_ends_with_1(folder, transport):
    process = subprocess.run(
        [SCRIPT], capture_output=True, text=True, timeout=30, cwd=folder.path,
        env={**clean_environment(), "PLUGINS_TRANSPORT": transport, "GATEHOUSE_BIN": binary("GATEHOUSE_BIN", "gatehouse")},
    )
    assert process.returncode == 1 and process.stdout == ""
    assert "http, stdio, grpc or unix" in process.stderr


@pytest.mark.parametrize("transport", ["unix", "GRPC", "grpc,unix"])
def test_server_of_a_transport_starts_and_ends(folder, transport):
    environment = {
        "PLUGINS_TRANSPORT": transport,
        "PLUGINS_CONFIG_PATH": str(PLUGINS),
        "PLUGINS_GRPC_SERVER_HOST": "127.0.0.1",
        "PLUGINS_GRPC_SERVER_PORT": "0",
        "PLUGINS_UNIX_SOCKET_PATH": folder / "run.sock",
        # The plugins of the suite; `gatehouse` takes the same commands.
        "GATEHOUSE_BIN": folder / "server",
    }
    with open(folder / "server", "w", encoding="ascii") as file:
        # Its executable is the plugin server itself, without subcommands.
        file.write(f'#!/bin/sh\nshift\nexec {binary("INTEROP_PLUGINS_BIN", "InteropPlugins")} --log-format json "$@"\n')
    subprocess.run(["chmod", "+x", folder / "server"], check=True)
    server = Process([SCRIPT], folder.path, environment)
    try:
        server.wait_for_line("READY")
        listening = {
            record["transport"] for record in server.log_records() if record.get("message") == "Plugin server listening"
        }
        assert listening == set(transport.lower().split(","))
    finally:
        assert server.stop() == 0


def test_flags_are_passed_on(folder):
    process = Process(
        [SCRIPT, "--config", folder / "missing.yaml"], folder.path,
        {"PLUGINS_TRANSPORT": "grpc", "GATEHOUSE_BIN": binary("GATEHOUSE_BIN", "gatehouse")},
    )
    try:
        assert process.wait() == 2
        assert "missing.yaml" in process.log()
    finally:
        process.stop()
