# SPDX-License-Identifier: Apache-2.0
"""Input that no honest client sends: each gets its answer, and the server serves on as if nothing had been."""

import gzip
import os
import random
import struct
import time
import zlib

import grpc
import pytest

import peers
import raw
from peers import pb2
from servers import LIVENESS

MIB = 1 << 20
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 4, 8, 12, 13

pytestmark = pytest.mark.usefixtures("serves_on")


@pytest.fixture(scope="module")
def victim(kind, session_folder):
    """A server for these tests alone."""
    from servers import Server

    server = Server(kind, session_folder.path)
    yield server
    server.stop()


@pytest.fixture
def serves_on(victim):
    """After the test: the same process answers a good call, and has not kept what it was sent."""
    yield
    assert victim.process.poll() is None, f"the server is gone; log:\n{victim.log()[-4000:]}"
    with raw.Connection(victim) as connection:
        assert connection.call().response.plugin_name == "Echo"


@pytest.fixture
def connection(victim):
    with raw.Connection(victim) as made:
        yield made


class Memory:
    """What a block of code adds to the peak of a server's memory."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        # Writing 5 sets the peak back to the present size (proc(5)).
        with open(f"/proc/{self.server.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        self.before = self.server.resident_bytes()
        return self

    def __exit__(self, *_):
        self.growth = self.server.resident_bytes("VmHWM") - self.before


# Not HTTP/2 at all


@pytest.mark.parametrize("length", [1, 24, 100, 100_000])
def test_garbage_ends_the_connection(victim, length):
    noise = random.Random(length).randbytes(length)
    with raw.connect(victim) as bare:
        try:
            bare.sendall(noise)
        except OSError:
            pass
        raw.read_to_end(bare)


def test_http_1_is_told_what_this_port_is_for(victim, ours):
    with raw.connect(victim) as bare:
        bare.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = raw.read_to_end(bare)
    if ours:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 505 ")
        assert b"HTTP/2" in body


def test_tls_on_a_port_without_tls_ends_the_connection(victim):
    with raw.connect(victim) as bare:
        bare.sendall(bytes.fromhex("16030100c8010000c40303") + bytes(range(190)))
        raw.read_to_end(bare)


@pytest.mark.parametrize("cut", [3, 24, 30, 40, 60, 90, 150])
def test_connection_cut_anywhere_is_forgotten(victim, cut):
    stream = raw.PREFACE + struct.pack(">I", 0)[1:] + b"\x04\x00" + bytes(4)
    headers = h2_headers(1)
    body = raw.message(raw.invoke())
    stream += headers + frame(0x0, 0x1, 1, body)
    with raw.connect(victim) as bare:
        bare.sendall(stream[:cut])


# Frames that are not


def frame(kind: int, flags: int, stream: int, content: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I", len(content) if length is None else length)[1:] + struct.pack(
        ">BBI", kind, flags, stream
    ) + content


def literal(name: str, value: str) -> bytes:
    """A header as HPACK's literal without indexing: needs no table."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def h2_headers(stream: int, *, end_stream: bool = False, end_headers: bool = True, path: str = raw.INVOKE) -> bytes:
    block = b"".join(literal(name, value) for name, value in raw.request_headers(path))
    return frame(0x1, (0x1 if end_stream else 0) | (0x4 if end_headers else 0), stream, block)


def ends_with_goaway(connection: raw.Connection) -> None:
    connection.until(lambda: False)
    assert connection.closed and connection.goaway is not None


@pytest.mark.gatehouse
@pytest.mark.parametrize(
    "bad",
    [
        frame(0x0, 0, 0, b"data on stream 0"),
        frame(0x0, 0, 7, b"data on a stream never opened"),
        frame(0x1, 0x4, 2, b"\x82"),
        frame(0x1, 0x4, 1, b"\xff\xff\xff\xff\xff\xff"),
        frame(0x1, 0x8 | 0x4, 1, b"\xff" + b"padding longer than the frame"),
        frame(0x4, 0, 0, b"12345"),
        frame(0x4, 0, 1),
        frame(0x6, 0, 0, b"1234567"),
        frame(0x8, 0, 0, bytes(4)),
        frame(0x8, 0, 0, b"\x7f\xff\xff\xff"),
        frame(0x9, 0x4, 1, b"continues nothing"),
        frame(0x0, 0, 1, b"", length=(1 << 24) - 1),
    ],
    ids=[
        "data on stream 0",
        "data on idle stream",
        "even stream",
        "broken hpack",
        "broken padding",
        "settings of 5 bytes",
        "settings on a stream",
        "short ping",
        "window of zero",
        "window overflow",
        "lone continuation",
        "frame over the limit",
    ],
)
def test_breach_of_http_2_ends_the_connection_with_goaway(connection, bad):
    connection.send(bad)
    # What follows a frame that is too long must not matter.
    connection.send(bytes(64))
    ends_with_goaway(connection)


def test_unknown_frames_and_settings_are_passed_over(connection):
    connection.send(frame(0xBE, 0xFF, 0, b"unknown") + frame(0x4, 0, 0, struct.pack(">HI", 0xBEEF, 1)))
    assert connection.call().response.plugin_name == "Echo"


# Messages that are not


@pytest.mark.gatehouse
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (raw.message(b"12345", length=10), INTERNAL),
        (raw.message(raw.invoke())[:-1], INTERNAL),
        (raw.message(raw.invoke())[:3], INTERNAL),
        (raw.message(raw.invoke(), length=3), None),
        (raw.message(raw.invoke(), flag=2), INTERNAL),
        (raw.message(raw.invoke(), flag=1), INTERNAL),
        (b"", UNIMPLEMENTED),
        (raw.message(raw.invoke()) * 2, UNIMPLEMENTED),
    ],
    ids=["long prefix", "cut message", "cut prefix", "short prefix", "flag 2", "flag 1 unasked", "none", "two"],
)
def test_wrong_length_prefix_is_an_error(connection, body, status):
    answer = connection.call(body)
    assert answer.status_message
    # A prefix too short leaves rubbish behind it: which rule it breaks first is open.
    assert answer.status == status if status else answer.status in (INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL)
    assert connection.call().response.plugin_name == "Echo"


def rejected(answer: raw.Answer) -> bool:
    """Whether a request was refused by a status that says so, or in band."""
    if answer.status == 0:
        return bool(answer.response.error.message)
    return answer.status in (INVALID_ARGUMENT, INTERNAL) and bool(answer.status_message)


BROKEN_PROTOBUF = {
    "not utf-8 in hook type": b"\x0a\x02\xff\xfe" + raw.invoke(),
    "not utf-8 in plugin name": raw.invoke().replace(b"Echo", b"\xc3\x28\xa0\xa1"),
    "surrogate in plugin name": raw.invoke().replace(b"Echo", b"\xed\xa0\x80x"),
    "overlong in plugin name": raw.invoke().replace(b"Echo", b"\xc0\xafxx"),
    "not utf-8 in a value": raw.invoke(text="~~~~").replace(b"~~~~", b"\xff\xff\xff\xff"),
    "not utf-8 in a key": raw.invoke(qqqq=1).replace(b"qqqq", b"\xf8\x88\x80\x80"),
    "noise": random.Random(3).randbytes(500),
    "cut varint": b"\x0a\xff",
    "varint of eleven bytes": b"\x08" + b"\xff" * 11,
    "field number zero": b"\x02\x01a",
    "wire type 7": b"\x0f\x01",
    "end of a group never begun": b"\x0c",
    "group never ended": b"\x0b",
    "length beyond the end": b"\x0a\x7fshort",
    "length of 2 GiB": b"\x0a\xff\xff\xff\xff\x07",
    "length of 16 EiB": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "cut": raw.invoke()[:-3],
}


@pytest.mark.parametrize("body", BROKEN_PROTOBUF.values(), ids=BROKEN_PROTOBUF.keys())
def test_broken_protobuf_is_an_error(connection, body, ours):
    answer = connection.call(raw.message(body))
    if ours:
        assert rejected(answer), (answer.status, answer.status_message)
    else:
        assert answer.status != 0 or answer.response.error.message
    assert connection.call().response.plugin_name == "Echo"


def test_protobuf_bytes_changed_at_random_never_harm(connection):
    rng = random.Random(11)
    good = raw.invoke(text="hello", list=[1, None, {"a": True}])
    for _ in range(500):
        body = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        answer = connection.call(raw.message(bytes(body)))
        assert answer.status is not None


@pytest.mark.gatehouse
def test_length_claims_of_a_gibibyte_cost_no_memory(victim, connection):
    with Memory(victim) as memory:
        streams = [connection.begin() for _ in range(50)]
        for stream in streams:
            connection.data(stream, raw.message(b"only these", length=1 << 30))
        for stream in streams:
            # Judged by the prefix alone: the request is not over.
            answer = connection.answer(stream)
            assert answer.status == RESOURCE_EXHAUSTED
            assert str(16 * MIB) in answer.status_message and "grpc_server_settings." in answer.status_message
    assert memory.growth < 32 * MIB


def test_length_claims_under_the_limit_cost_no_memory(victim, connection):
    with Memory(victim) as memory:
        streams = [connection.begin() for _ in range(90)]
        for stream in streams:
            connection.data(stream, raw.message(b"only these", length=3 * MIB))
        assert connection.call().response.plugin_name == "Echo"
        connection.close()
    assert memory.growth < 64 * MIB


# Compression


def deflate(data_size: int) -> bytes:
    """Zeros, compressed as gzip without ever holding them."""
    compressor, chunk, out = zlib.compressobj(9, wbits=31), bytes(MIB), bytearray()
    for _ in range(data_size // MIB):
        out += compressor.compress(chunk)
    return bytes(out) + compressor.flush()


def test_gzip_is_understood(connection):
    body = raw.message(gzip.compress(raw.invoke(text="x" * 5_000)), flag=1)
    response = connection.call(body, grpc_encoding="gzip").response
    assert response.result["modified_payload"]["args"]["text"] == "x" * 5_000
    # Each message says for itself whether it is compressed.
    assert connection.call(raw.message(raw.invoke()), grpc_encoding="gzip").response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_gzip_bomb_is_stopped_at_the_limit(victim, connection):
    bomb = deflate(256 * MIB)
    assert len(bomb) < MIB
    with Memory(victim) as memory:
        answer = connection.call(raw.message(bomb, flag=1), grpc_encoding="gzip")
        assert answer.status == RESOURCE_EXHAUSTED
        assert str(16 * MIB) in answer.status_message and "grpc_server_settings." in answer.status_message
    assert memory.growth < 96 * MIB


@pytest.mark.gatehouse
@pytest.mark.parametrize(
    "body",
    [
        b"this is not gzip",
        gzip.compress(raw.invoke())[:-9],
        gzip.compress(raw.invoke())[:-4] + b"\x00\x00\x00\x00",
        zlib.compress(raw.invoke()),
        b"",
    ],
    ids=["noise", "cut", "wrong size", "zlib", "empty"],
)
def test_broken_gzip_is_an_error(connection, body):
    answer = connection.call(raw.message(body, flag=1), grpc_encoding="gzip")
    assert answer.status in (INVALID_ARGUMENT, INTERNAL) and answer.status_message


@pytest.mark.gatehouse
@pytest.mark.parametrize("flag", [0, 1])
def test_unknown_encoding_is_refused_with_those_known(connection, flag):
    answer = connection.call(raw.message(raw.invoke(), flag=flag), grpc_encoding="snappy")
    accepted = {name.strip() for name in answer.headers["grpc-accept-encoding"].split(",")}
    assert {"identity", "gzip"} <= accepted
    assert "snappy" in answer.status_message
    assert answer.status == UNIMPLEMENTED


# Headers


@pytest.mark.gatehouse
@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/grpc-web", None])
def test_content_type_that_is_not_grpc_is_415(connection, content_type):
    answer = connection.call(content_type=content_type)
    assert answer.http_status == 415


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto", "application/grpc;a=b"])
def test_content_type_of_grpc_is_served(connection, content_type):
    assert connection.call(content_type=content_type).response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_method_other_than_post_is_405(connection):
    assert connection.call(_method="GET").http_status == 405


@pytest.mark.parametrize("path", ["/nobody.Service/Method", raw.INVOKE + "x", "/", "//", "/x", "/Größe/日本"])
def test_unknown_method_is_unimplemented(connection, path, ours):
    answer = connection.call(path=path)
    assert answer.status == UNIMPLEMENTED or (not ours and answer.http_status != 200)
    if ours:
        assert answer.http_status == 200 and not answer.trailers, "trailers only"
        assert path in answer.status_message


@pytest.mark.gatehouse
@pytest.mark.parametrize("value", ["abc", "", "-1S", "1", "1 S", "123456789S", "1x", "1.5S"])
def test_malformed_timeout_is_an_error(connection, value):
    answer = connection.call(grpc_timeout=value)
    assert answer.status in (INVALID_ARGUMENT, INTERNAL) and "grpc-timeout" in answer.status_message


def test_deadline_ends_the_call(connection):
    # Without it the plugin would answer, after 2.5 seconds.
    answer = connection.call(raw.message(raw.invoke("Sleep", seconds=2.5)), grpc_timeout="200m")
    assert answer.status == DEADLINE_EXCEEDED


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


# Frames in odd pieces


def test_data_split_to_single_bytes_is_put_together(connection):
    stream = connection.begin()
    body = raw.message(raw.invoke(text="split"))
    for at in range(len(body)):
        connection.data(stream, body[at : at + 1])
    connection.data(stream, b"", end=True)
    assert connection.answer(stream).response.plugin_name == "Echo"


def test_calls_coalesced_in_one_segment_are_all_answered(connection):
    frames = b"".join(
        h2_headers(stream) + frame(0x0, 0x1, stream, raw.message(raw.invoke(n=stream))) for stream in range(1, 101, 2)
    )
    for stream in range(1, 101, 2):
        connection.adopt(stream)
    connection.send(frames)
    for stream in range(1, 101, 2):
        response = connection.answer(stream).response
        assert response.result["modified_payload"]["args"]["n"] == stream


@pytest.mark.gatehouse
def test_padding_is_taken_off(connection):
    stream = connection.begin()
    connection.data(stream, raw.message(raw.invoke(text="padded")), padding=200, end=True)
    assert connection.answer(stream).response.result["modified_payload"]["args"]["text"] == "padded"


def test_client_trailers_are_accepted(connection):
    stream = connection.begin()
    connection.data(stream, raw.message(raw.invoke(text="with trailers")))
    connection.h2.send_headers(stream, [("x-client-trailer", "1")], end_stream=True)
    connection.flush()
    assert connection.answer(stream).response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_padding_counts_for_flow_control(connection):
    # 255 bytes of padding for each byte of data, more in all than any window the server opens at first.
    stream = connection.begin()
    body = raw.message(raw.invoke(text="x" * 30_000))
    for at in range(0, len(body)):
        connection.data(stream, body[at : at + 1], padding=255)
    connection.data(stream, b"", end=True)
    assert connection.answer(stream).response.plugin_name == "Echo"


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
    """A client that asks for 3 MiB a call, 300 times, with its windows shut."""
    request = pb2.InvokeHookRequest(hook_type="tool_post_invoke", plugin_name="Large")
    request.payload.update({"name": "n", "result": {"bytes": 3 * MIB}})
    body = raw.message(request.SerializeToString())
    with Memory(victim) as memory, raw.Connection(victim, settings={4: 0}, acknowledge=False) as connection:
        for _ in range(300):
            connection.data(connection.begin(), body, end=True)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            # Nothing will come, which is the point; meanwhile others are served.
            with raw.Connection(victim) as other:
                assert other.call().response.plugin_name == "Echo"
            time.sleep(0.1)
    assert memory.growth < 600 * MIB


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
