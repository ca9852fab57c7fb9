# SPDX-License-Identifier: Apache-2.0
"""The file of a Unix socket: who may connect, whom it is taken from, and who removes it."""

import contextlib
import os
import socket
import stat
import threading
import time

import pytest

import raw
from servers import PLUGINS, fails_to_start


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
