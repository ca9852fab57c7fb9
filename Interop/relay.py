# SPDX-License-Identifier: Apache-2.0
"""A relay between a client and a server over TCP that cuts connections when a test wants it."""

import asyncio
import contextlib
from urllib.parse import urlsplit


class Relay:
    """Relays to the host and port of a URL; `url` is the way through it."""

    def __init__(self, url: str):
        self._target = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []

    async def __aenter__(self) -> "Relay":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._target._replace(netloc=f"127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *exception) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Closes all connections there are, in the middle of whatever they carry."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader, writer) -> None:
        other_reader, other_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, other_writer}
        await asyncio.gather(self._pass(reader, other_writer, True), self._pass(other_reader, writer, False))

    async def _pass(self, reader, writer, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                (self.requests if is_request else self.answers).append(data)
                writer.write(data)
                await writer.drain()
        writer.close()
