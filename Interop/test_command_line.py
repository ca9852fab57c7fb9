# SPDX-License-Identifier: Apache-2.0
"""Options, variables and configuration files as given at start: what wins, and what is said of those that are wrong."""

import subprocess

import pytest
import yaml

import servers
from servers import LIVENESS, PLUGINS, Process, binary, fails_to_start


# Errors


@pytest.mark.gatehouse
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plugins: [", []),
        ("plugins:\n  - name: A\n    kind: EchoPlugin\n    modee: enforce\n", [":4", "modee", "mode"]),
        ("plugins:\n  - name: A\n    kind: NoSuchPlugin\n", [":3", "NoSuchPlugin"]),
        ("plugins:\n  - name: A\n    kind: EchoPlugin\n    hooks: [tool_pre_invok]\n", [":4", "tool_pre_invoke"]),
        ("plugins:\n  - name: A\n    kind: EchoPlugin\n    priority: high\n", [":4", "priority"]),
        ("plugins:\n  - {name: A, kind: EchoPlugin}\n  - {name: A, kind: EchoPlugin}\n", [":3", "A"]),
        ("grpc_server_settings: {port: 99999}\n", [":1", "port"]),
        ("pluginss: []\n", [":1", "pluginss", "plugins"]),
    ],
    ids=["no yaml", "unknown key", "unknown kind", "unknown hook", "wrong type", "name twice", "port", "top level"],
)
def test_bad_configuration_is_status_2_and_names_the_place(kind, folder, text, said):
    path = folder / "bad.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    log = fails_to_start(kind, folder, "-c", path, "-H", "127.0.0.1", "-p", "0", status=2)
    assert path in log
    for word in said:
        assert word in log


@pytest.mark.gatehouse
def test_all_errors_of_a_configuration_are_told_at_once(kind, folder):
    path = folder / "bad.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("plugins:\n  - {name: A, kind: EchoPlugin, modee: x}\n  - {name: B, kind: Nope}\nport: 1\n")
    log = fails_to_start(kind, folder, "-c", path, "-H", "127.0.0.1", "-p", "0", status=2)
    for word in ("modee", "Nope", ":4"):
        assert word in log


@pytest.mark.gatehouse
def test_missing_configuration_is_status_2_and_names_the_path(kind, folder):
    path = folder / "absent.yaml"
    assert path in fails_to_start(kind, folder, "-c", path, status=2)
    assert path in fails_to_start(kind, folder, status=2, PLUGINS_CONFIG_PATH=path)


@pytest.mark.gatehouse
@pytest.mark.parametrize(
    "arguments",
    [["--no-such-flag"], ["-p", "many"], ["-p", "70000"], ["--log-format", "xml"], ["--uds", "relative.sock"]],
    ids=" ".join,
)
def test_bad_usage_is_status_2(kind, folder, arguments):
    log = fails_to_start(kind, folder, "-c", str(PLUGINS), *arguments, status=2)
    assert arguments[0].lstrip("-") in log or arguments[-1] in log


# Precedence and the subcommand


def address_of(kind, folder, *arguments: str, **environment: str) -> str:
    """Starts a server as told and gives the address it listens on."""
    process = Process([*servers.command(kind), *arguments, "--log-format", "json"], folder.path, environment)
    try:
        process.wait_for_line("READY")
        return next(r["address"] for r in process.log_records() if r["message"] == "Plugin server listening")
    finally:
        process.stop()


@pytest.mark.gatehouse
def test_command_line_wins_over_environment_and_environment_over_file(kind, folder):
    config = yaml.safe_load(PLUGINS.read_text(encoding="utf-8"))
    config["grpc_server_settings"] = {"host": "127.0.0.1", "port": 0, "uds": folder / "file.sock"}
    path = folder / "with-address.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True)
    assert address_of(kind, folder, "-c", path) == "unix:" + (folder / "file.sock")
    environment = {"PLUGINS_GRPC_SERVER_UDS": folder / "env.sock"}
    assert address_of(kind, folder, "-c", path, **environment) == "unix:" + (folder / "env.sock")
    assert address_of(kind, folder, "-c", path, "--uds", folder / "cli.sock", **environment) == "unix:" + (
        folder / "cli.sock"
    )
    # The configuration file itself may come from the environment.
    environment["PLUGINS_CONFIG_PATH"] = path
    assert address_of(kind, folder, **environment) == "unix:" + (folder / "env.sock")


@pytest.mark.gatehouse
def test_config_check_and_show(folder):
    gatehouse = binary("GATEHOUSE_BIN", "gatehouse")
    path = folder / "plugins.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            "plugins:\n  - name: Deny\n    kind: plugins.deny_filter.deny.DenyListPlugin\n"
            "    hooks: [prompt_pre_fetch]\n    config: {words: [forbidden]}\n"
            "grpc_server_settings: {port: 50099}\n"
        )

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [gatehouse, "config", *arguments],
            capture_output=True,
            text=True,
            timeout=LIVENESS,
            cwd=folder.path,
            env=servers.clean_environment(),
        )

    good = run("check", path)
    assert good.returncode == 0, good.stderr
    shown = run("show", "-c", path)
    assert shown.returncode == 0, shown.stderr
    assert "50099" in shown.stdout and path in shown.stdout
    with open(path, "a", encoding="utf-8") as file:
        file.write("unknown_key: 1\n")
    bad = run("check", path)
    assert bad.returncode == 2
    assert f"{path}:7" in bad.stdout + bad.stderr and "unknown_key" in bad.stdout + bad.stderr
