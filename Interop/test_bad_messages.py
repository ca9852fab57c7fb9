# SPDX-License-Identifier: Apache-2.0
"""Messages that are not what their prefix, their encoding or protobuf says: an error each, at no cost in memory."""

import gzip
import random
import zlib

import pytest

import raw
from servers import Memory

MIB = 1 << 20
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 3, 8, 12, 13

pytestmark = pytest.mark.usefixtures("serves_on")


# Lengths and protobuf


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
