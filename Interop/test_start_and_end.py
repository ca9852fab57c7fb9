# SPDX-License-Identifier: Apache-2.0
"""Start and end of the server, and what it says in between, seen from outside the process."""

import asyncio
import os
import signal
import socket
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import raw
import servers
from servers import LIVENESS, PLUGINS, Process, fails_to_start

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


# Addresses


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
