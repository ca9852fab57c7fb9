# SPDX-License-Identifier: Apache-2.0
"""Start, stop and everything in between, seen from outside the process."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

import peers
import raw
import servers
from peers import pb2
from servers import LIVENESS, PLUGINS, Process, binary

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])


async def exit_status(server: Process, timeout: float = LIVENESS) -> int:
    return await asyncio.to_thread(server.wait, timeout)


# Signals


@BOTH
@pytest.mark.parametrize("attempt", range(5))
def test_signal_as_soon_as_the_server_is_ready_ends_it_with_status_0(start, folder, number, attempt):
    # A supervisor may change its mind at any time: no moment after READY may find the default action in place.
    path = folder / "s.sock"
    server = start(uds=path)
    server.signal(number)
    assert server.wait() == 0
    assert not os.path.exists(path)


@BOTH
async def test_call_in_flight_is_drained_and_no_new_connection_accepted(start, channel, in_flight, patient, number):
    server = start(config=patient)
    call = await in_flight(channel(server), 4.0)
    server.signal(number)
    end = time.monotonic() + 3
    with pytest.raises(OSError):
        while time.monotonic() < end:
            raw.connect(server).close()
            await asyncio.sleep(0.05)
    answer = await call
    assert answer.result["modified_payload"]["args"]["seconds"] == 4.0
    assert await exit_status(server) == 0


@pytest.mark.gatehouse
async def test_second_signal_ends_at_once(start, channel, in_flight, patient):
    server = start(config=patient, options=("--grace", "60"))
    call = await in_flight(channel(server), 50)
    server.signal()
    await asyncio.sleep(0.5)
    assert server.process.poll() is None
    server.signal()
    await exit_status(server, 20)
    with pytest.raises(grpc.aio.AioRpcError):
        await call


@pytest.mark.gatehouse
async def test_grace_ends_the_drain(start, channel, in_flight, patient):
    server = start(config=patient, options=("--grace", "1"))
    call = await in_flight(channel(server), 50)
    begin = time.monotonic()
    server.signal()
    assert await exit_status(server) == 0
    assert 0.8 < time.monotonic() - begin < 15
    with pytest.raises(grpc.aio.AioRpcError):
        await call


@pytest.mark.gatehouse
async def test_watchers_and_idle_connections_do_not_hold_up_the_end(start, channel):
    server = start(options=("--grace", "60"))
    watch = health_pb2_grpc.HealthStub(channel(server)).Watch(health_pb2.HealthCheckRequest())
    await watch.read()
    idle = raw.connect(server)
    try:
        server.signal()
        assert await exit_status(server, 20) == 0
    finally:
        idle.close()
        watch.cancel()


@pytest.mark.gatehouse
async def test_drain_says_goaway_and_still_answers(start):
    server = start()
    with raw.Connection(server) as connection:
        stream = connection.begin()
        connection.data(stream, raw.message(raw.invoke("Sleep", seconds=2.0)), end=True)
        # Answered, so what went before it on this connection has arrived.
        assert connection.call().response.plugin_name == "Echo"
        server.signal()
        connection.until(lambda: connection.goaway is not None)
        assert connection.goaway == 0, "NO_ERROR"
        assert connection.answer(stream).response.plugin_name == "Sleep"
    assert await exit_status(server) == 0


# Output


def test_server_serves_as_soon_as_it_says_so(start):
    # No retry and no wait between READY and the first call.
    with raw.Connection(start()) as connection:
        assert connection.call().response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_json_log_is_one_object_a_line(start):
    server = start()
    with raw.Connection(server) as connection:
        connection.call(raw.message(raw.invoke("Throw")))
    server.stop()
    lines = [line for line in server.log().splitlines() if line]
    assert lines and len(server.log_records()) == len(lines)
    for record in server.log_records():
        assert isinstance(record["level"], str) and isinstance(record["message"], str)


@pytest.mark.gatehouse
def test_text_log_tells_the_address(kind, folder):
    process = Process([*servers.command(kind), "-c", str(PLUGINS), "-H", "127.0.0.1", "-p", "0"], folder.path)
    try:
        process.wait_for_line("READY")
        assert "Plugin server listening" in process.log() and "127.0.0.1:" in process.log()
        assert not process.log_records()
    finally:
        process.stop()


# Plugins that break more than their call


@pytest.mark.gatehouse
def test_crash_names_the_plugin_that_was_running(start):
    server = start()
    with contextlib.suppress(AssertionError), raw.Connection(server) as connection:
        connection.call(raw.message(raw.invoke("Crash")))
    assert server.wait() < 0, "ended by a signal"
    assert "Crash" in server.log()


@pytest.mark.gatehouse
async def test_plugin_that_stalls_its_loop_is_named_and_turns_health(start, channel):
    server = start()
    # Connections are spread over the loops: some of these watchers are on one that does not stall.
    watches = [
        health_pb2_grpc.HealthStub(channel(server)).Watch(health_pb2.HealthCheckRequest()) for _ in range(8)
    ]
    for watch in watches:
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    call = stub.InvokeHook(pb2.InvokeHookRequest.FromString(raw.invoke("Stall", seconds=6)))
    call = asyncio.ensure_future(call)

    async def turns(watch) -> list[int]:
        return [(await watch.read()).status, (await watch.read()).status]

    reads = [asyncio.ensure_future(turns(watch)) for watch in watches]
    done, _ = await asyncio.wait(reads, timeout=LIVENESS, return_when=asyncio.FIRST_COMPLETED)
    assert done, f"nobody was told; log:\n{server.log()}"
    for read in done:
        assert read.result() == [health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.SERVING]
    for read in reads:
        read.cancel()
    await asyncio.wait([call], timeout=LIVENESS)
    assert call.done()
    assert "Stall" in server.log()


# Unix sockets


class Watcher:
    """Notes every mode a path was ever seen with."""

    def __init__(self, path: str):
        self.path, self.modes, self._over = path, set(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                self.modes.add(os.lstat(self.path).st_mode)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


@pytest.mark.gatehouse
def test_socket_is_never_open_to_others(start, folder):
    path = folder / "private.sock"
    with Watcher(path) as watcher:
        # With this mask nothing but the server itself keeps others out.
        start(uds=path, umask=0)
        time.sleep(0.05)
    assert {stat.S_ISSOCK(mode) for mode in watcher.modes} == {True}
    assert {stat.S_IMODE(mode) for mode in watcher.modes} == {0o600}


def test_stale_socket_is_replaced(start, folder):
    path = folder / "stale.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    server = start(uds=path)
    with raw.Connection(server) as connection:
        assert connection.call().response.plugin_name == "Echo"


def fails_to_start(kind, folder, *arguments: str, status: int | None = None, **environment: str) -> str:
    """Starts a server that must not start; gives what it wrote."""
    process = Process([*servers.command(kind), *arguments], folder.path, environment)
    try:
        code = process.wait()
    finally:
        process.stop()
    assert code > 0 if status is None else code == status, (code, process.log())
    return process.log()


@pytest.mark.gatehouse
def test_live_socket_is_refused(kind, start, folder):
    path = folder / "live.sock"
    server = start(uds=path)
    log = fails_to_start(kind, folder, "-c", str(PLUGINS), "--uds", path)
    assert path in log
    with raw.Connection(server) as connection:
        assert connection.call().response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_file_that_is_no_socket_is_left_alone(kind, folder):
    path = folder / "notes.txt"
    with open(path, "w", encoding="utf-8") as file:
        file.write("precious")
    assert path in fails_to_start(kind, folder, "-c", str(PLUGINS), "--uds", path)
    with open(path, encoding="utf-8") as file:
        assert file.read() == "precious"


def test_socket_is_unlinked_at_the_end(start, folder):
    path = folder / "gone.sock"
    server = start(uds=path)
    assert os.path.exists(path)
    server.stop()
    assert not os.path.exists(path)


@pytest.mark.gatehouse
def test_socket_is_unlinked_by_its_owner_alone(start, folder):
    path = folder / "shared.sock"
    first = start(uds=path)
    os.unlink(path)
    second = start(uds=path)
    assert first.stop() == 0
    with raw.Connection(second) as connection:
        assert connection.call().response.plugin_name == "Echo"
    second.stop()
    assert not os.path.exists(path)


@pytest.mark.gatehouse
def test_port_in_use_is_refused(kind, start, folder):
    server = start()
    log = fails_to_start(kind, folder, "-c", str(PLUGINS), "-H", "127.0.0.1", "-p", str(server.port))
    assert str(server.port) in log
    with raw.Connection(server) as connection:
        assert connection.call().response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_ipv6_is_served(kind, folder):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    process = Process(
        [*servers.command(kind), "-c", str(PLUGINS), "-H", "::1", "-p", "0", "--log-format", "json"], folder.path
    )
    try:
        process.wait_for_line("READY")
        (address,) = [r["address"] for r in process.log_records() if r["message"] == "Plugin server listening"]
        assert address.startswith("[::1]:")
        with grpc.insecure_channel(address) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=LIVENESS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        process.stop()


# Configuration errors


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
