# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames made byte by byte, with whatever a test puts into them."""

import struct

import raw


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
