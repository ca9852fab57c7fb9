# SPDX-License-Identifier: Apache-2.0
"""Bytes that are no HTTP/2, or break its rules: the connection ends, and the server serves on."""

import random
import struct

import pytest

import raw
from frames import frame, h2_headers

pytestmark = pytest.mark.usefixtures("serves_on")


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
