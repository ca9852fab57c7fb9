# SPDX-License-Identifier: Apache-2.0
"""Frames that few clients send and HTTP/2 allows: served like any other."""

import struct

import pytest

import raw
from frames import frame, h2_headers

pytestmark = pytest.mark.usefixtures("serves_on")


def test_unknown_frames_and_settings_are_passed_over(connection):
    connection.send(frame(0xBE, 0xFF, 0, b"unknown") + frame(0x4, 0, 0, struct.pack(">HI", 0xBEEF, 1)))
    assert connection.call().response.plugin_name == "Echo"


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
