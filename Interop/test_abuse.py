# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, greedy or many: what they take is bounded, and others are served meanwhile."""

import os
import struct
import time

import grpc
import pytest

import peers
import raw
from frames import frame, h2_headers, literal
from peers import pb2
from servers import LIVENESS, Memory

MIB = 1 << 20
DEADLINE_EXCEEDED = 4

pytestmark = pytest.mark.usefixtures("serves_on")


# Headers without end


def test_headers_over_the_limit_are_refused(victim, connection):
    block = b"".join(literal(name, value) for name, value in raw.request_headers())
    block += literal("x-filler", "y" * 120) * 6_000
    pieces = [block[at : at + 16_384] for at in range(0, len(block), 16_384)]
    frames = frame(0x1, 0x1, 1, pieces[0])
    frames += b"".join(frame(0x9, 0x4 if piece is pieces[-1] else 0, 1, piece) for piece in pieces[1:])
    with Memory(victim) as memory:
        connection.adopt(1)
        connection.send(frames)
        connection.until(lambda: connection.answers[1].ended)
    assert connection.closed or connection.answers[1].status != 0
    assert memory.growth < 32 * MIB


@pytest.mark.gatehouse
def test_flood_of_continuations_is_stopped(victim, connection):
    """A header block that never ends (CVE-2024-27983 and its kin)."""
    piece = literal("x-filler", "y" * 120) * 120
    with Memory(victim) as memory:
        connection.send(h2_headers(1, end_headers=False))
        for _ in range(5_000):
            if connection.closed:
                break
            connection.send(frame(0x9, 0, 1, piece))
        connection.until(lambda: False)
        assert connection.closed
    assert memory.growth < 32 * MIB


# Slowness


@pytest.fixture
def impatient(start, folder):
    """A server whose limits of time are a second each."""
    config = folder / "impatient.yaml"
    with open(os.path.join(os.path.dirname(__file__), "plugins.yaml"), encoding="utf-8") as file:
        text = file.read()
    text += "\ngrpc_server_settings: {request_timeout: 1, handshake_timeout: 1, keepalive_timeout: 1}\n"
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    return start(config=config)


@pytest.mark.gatehouse
@pytest.mark.parametrize("part", ["preface", "frame"])
def test_slow_loris_is_cut_off(impatient, part):
    """One byte a second: a connection that never gets to a whole frame ends."""
    sent = raw.PREFACE if part == "preface" else raw.PREFACE + frame(0x4, 0, 0) + h2_headers(1)
    at_once = 0 if part == "preface" else 24 + 9 + 5
    with raw.connect(impatient) as bare:
        bare.sendall(sent[:at_once])
        end = time.monotonic() + LIVENESS
        for byte in sent[at_once:]:
            try:
                bare.sendall(bytes([byte]))
                bare.settimeout(1)
                if not bare.recv(1 << 16):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
            assert time.monotonic() < end, "still open"
    raise AssertionError("the server took it all")


@pytest.mark.gatehouse
def test_request_that_trickles_in_is_ended(impatient):
    with raw.Connection(impatient) as connection:
        stream, other = connection.begin(), connection.begin()
        body = raw.message(raw.invoke(text="slow"))
        connection.data(other, body, end=True)
        begin = time.monotonic()
        for byte in body:
            connection.data(stream, bytes([byte]))
            connection.until(lambda: connection.answers[stream].ended or time.monotonic() > begin + 1)
            if connection.answers[stream].ended:
                break
            time.sleep(0.2)
        answer = connection.answers[stream]
        assert answer.status == DEADLINE_EXCEEDED
        assert "grpc_server_settings.request_timeout" in answer.status_message
        # The connection itself has done nothing wrong.
        assert connection.answers[other].response.plugin_name == "Echo"
        assert connection.call().response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_answers_nobody_takes_are_not_piled_up(victim):
    """A client that asks for 3 MiB a call, 150 times, with its windows shut: nearly twice the budget of 256 MiB."""
    request = pb2.InvokeHookRequest(hook_type="tool_post_invoke", plugin_name="Large")
    request.payload.update({"name": "n", "result": {"bytes": 3 * MIB}})
    body = raw.message(request.SerializeToString())
    with Memory(victim) as memory, raw.Connection(victim, settings={4: 0}, acknowledge=False) as connection:
        for _ in range(150):
            connection.data(connection.begin(), body, end=True)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            # Nothing will come, which is the point; meanwhile others are served.
            with raw.Connection(victim) as other:
                assert other.call().response.plugin_name == "Echo"
            time.sleep(0.1)
    assert memory.growth < 420 * MIB


# Floods


def reset(stream: int) -> bytes:
    return frame(0x3, 0, stream, struct.pack(">I", 8))


@pytest.mark.gatehouse
def test_10000_streams_opened_and_reset_end_the_connection(victim, connection):
    with Memory(victim) as memory:
        for first in range(1, 20_001, 200):
            connection.send(b"".join(h2_headers(stream) + reset(stream) for stream in range(first, first + 200, 2)))
            if connection.closed:
                break
        connection.until(lambda: False)
    assert connection.closed
    assert connection.goaway == 11, "ENHANCE_YOUR_CALM"
    assert memory.growth < 64 * MIB


@pytest.mark.gatehouse
async def test_10000_ordinary_cancellations_keep_the_connection(victim, channel):
    """Through the stock client: calls that were sent whole and given up, a few completed among them."""
    open_channel = channel(victim)
    stub = peers.pb2_grpc.PluginServiceStub(open_channel)
    request = pb2.InvokeHookRequest.FromString(raw.invoke("Sleep", seconds=2.5))
    good = pb2.InvokeHookRequest.FromString(raw.invoke())
    await open_channel.channel_ready()
    states = []
    for _ in range(100):
        calls = [stub.InvokeHook(request) for _ in range(100)]
        # Completed after the others were sent, so they were on the wire when they are cancelled.
        assert (await stub.InvokeHook(good)).plugin_name == "Echo"
        for call in calls:
            call.cancel()
        states.append(open_channel.get_state())
    assert set(states) == {grpc.ChannelConnectivity.READY}


@pytest.mark.gatehouse
@pytest.mark.parametrize(
    "piece",
    [frame(0x6, 0, 0, bytes(8)), frame(0x4, 0, 0), frame(0x2, 0, 1, bytes(5))],
    ids=["ping", "settings", "priority"],
)
def test_flood_of_control_frames_ends_the_connection(victim, connection, piece):
    with Memory(victim) as memory:
        for _ in range(500):
            connection.send(piece * 100)
            if connection.closed:
                break
        connection.until(lambda: False)
    assert connection.closed
    assert memory.growth < 32 * MIB


@pytest.mark.gatehouse
def test_flood_of_empty_data_ends_the_connection_or_the_call(victim, connection):
    stream = connection.begin()
    for _ in range(500):
        connection.send(frame(0x0, 0, stream) * 100)
        if connection.closed or connection.answers[stream].ended:
            return
    connection.until(lambda: connection.answers[stream].ended)


@pytest.mark.gatehouse
def test_pings_between_calls_are_answered_and_cost_nothing(connection):
    for _ in range(2_000):
        connection.h2.ping(b"12345678")
        assert connection.call().response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_stream_over_the_limit_is_refused(connection):
    limit = connection.peer_settings[3]
    assert 1 <= limit <= 100_000
    connection.send(b"".join(h2_headers(stream) for stream in range(1, 2 * limit, 2)))
    extra = 2 * limit + 1
    connection.send(h2_headers(extra))
    connection.until(lambda: connection.resets)
    # PROTOCOL_ERROR or REFUSED_STREAM (RFC 9113, section 5.1.2); a server may end the connection for it (5.4).
    if connection.closed:
        assert connection.goaway in (1, 7)
    else:
        assert connection.resets.keys() == {extra} and connection.resets[extra] in (1, 7)


@pytest.mark.gatehouse
async def test_more_calls_than_streams_are_all_served(victim, channel):
    """A stock client that begins with more calls than the server's limit, before it has heard of it."""
    stub = peers.pb2_grpc.PluginServiceStub(channel(victim))
    request = pb2.InvokeHookRequest.FromString(raw.invoke("Sleep", seconds=0.2))
    calls = [stub.InvokeHook(request, timeout=LIVENESS) for _ in range(1_500)]
    for call in calls:
        assert (await call).plugin_name == "Sleep"


def test_many_connections_that_say_nothing_harm_nobody(victim):
    silent = [raw.connect(victim) for _ in range(500)]
    try:
        with raw.Connection(victim) as connection:
            assert connection.call().response.plugin_name == "Echo"
    finally:
        for bare in silent:
            bare.close()


def test_connections_leave_no_descriptors_behind(victim):
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{victim.pid}/fd"))

    before = descriptors()
    for _ in range(200):
        with raw.connect(victim) as bare:
            bare.sendall(raw.PREFACE + frame(0x4, 0, 0) + h2_headers(1) + frame(0x0, 0, 1, raw.message(b"x", length=9)))
    end = time.monotonic() + LIVENESS
    while descriptors() > before + 5:
        assert time.monotonic() < end, f"{descriptors()} descriptors, {before} before"
        time.sleep(0.05)
