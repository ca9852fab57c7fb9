# SPDX-License-Identifier: Apache-2.0
"""Server processes under test: started on a free address, ended by their own process id."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PLUGINS = HERE / "plugins.yaml"
#: How long anything that must happen may take, in seconds: generous, since it is only there to end a hanging test.
LIVENESS = 30.0
#: Variables that a server would read (or complain about), and that the caller's environment must not set for it.
FOREIGN = ("PLUGINS_", "UNIX_SOCKET_PATH", "GATEHOUSE_")


def clean_environment() -> dict[str, str]:
    """The caller's environment without what a server would read."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def binary(variable: str, name: str) -> str:
    """The path of one of our executables: from the environment, else where a debug build puts it."""
    return os.environ.get(variable) or str(ROOT / ".build" / "debug" / name)


def command(kind: str) -> list[str]:
    """The command that starts the server with the suite's plugins."""
    if kind == "reference":
        return [sys.executable, str(HERE / "reference_server.py")]
    return [binary("INTEROP_PLUGINS_BIN", "InteropPlugins")]


class Process:
    """A child process whose standard output is read line by line and whose standard error goes to a file."""

    def __init__(
        self, arguments: list[str], folder: str, environment: dict[str, str] | None = None, umask: int = -1
    ):
        # A logger that writes to a full pipe would stall the server, hence the file.
        self.log_path = os.path.join(folder, f"stderr-{time.monotonic_ns()}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env={**clean_environment(), **(environment or {})},
                text=True,
                umask=umask,
            )
        self.pid = self.process.pid
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def log(self) -> str:
        return Path(self.log_path).read_text(errors="replace")

    def log_records(self) -> list[dict]:
        """The lines of the JSON log; a line that is not JSON (a crash report) is left out."""
        records = []
        for line in self.log().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                records.append(record)
        return records

    def wait_for_line(self, text: str, timeout: float = LIVENESS) -> None:
        """Waits until the process prints this line on standard output; fails when it ends first."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line {text!r} within {timeout} s; log:\n{self.log()}") from None
            if line is None:
                raise AssertionError(f"ended before the line {text!r}, status {self.wait()}; log:\n{self.log()}")
            if line == text:
                return

    def wait(self, timeout: float = LIVENESS) -> int:
        """The exit status, negative for a signal."""
        return self.process.wait(timeout)

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """Asks the process to end, and ends it if it does not."""
        if self.process.poll() is None:
            self.signal()
            try:
                return self.wait(LIVENESS)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def resident_bytes(self, field: str = "VmRSS") -> int:
        """Memory in bytes, as the kernel tells it: VmRSS is now, VmHWM the peak."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field} of process {self.pid}")


class Server(Process):
    """A plugin server, ready to be called."""

    def __init__(
        self,
        kind: str,
        folder: str,
        *,
        uds: str | None = None,
        port: int = 0,
        config: Path | str = PLUGINS,
        options: tuple[str, ...] = (),
        program: list[str] | None = None,
        **process,
    ):
        address = ["--uds", uds] if uds else ["-H", "127.0.0.1", "-p", str(port)]
        log_format = [] if kind == "reference" else ["--log-format", "json"]
        arguments = ["-c", str(config), *address, *log_format, *options]
        super().__init__([*(program or command(kind)), *arguments], folder, **process)
        self.kind = kind
        self.uds = uds
        try:
            self.wait_for_line("READY")
            self.address = self._bound_address()
        except BaseException:
            self.kill()
            raise

    def _bound_address(self) -> str:
        for record in self.log_records():
            if record.get("message") == "Plugin server listening":
                return record["address"]
        raise AssertionError(f"no line tells the bound address; log:\n{self.log()}")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def target(self) -> str:
        """The address as gRPC clients take it."""
        return f"unix:{self.uds}" if self.uds else self.address

    @property
    def client_settings(self) -> dict:
        """The `grpc` block of a gateway's plugin entry for this server."""
        return {"uds": self.uds} if self.uds else {"target": self.address}


class Folder:
    """A private folder with a short path: a socket's path may have no more than 107 bytes."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="gh-")

    def __truediv__(self, name: str) -> str:
        return os.path.join(self.path, name)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Memory:
    """What a block of code adds to the peak of a server's memory."""

    def __init__(self, server: Process):
        self.server = server

    def __enter__(self):
        # Writing 5 sets the peak back to the present size (proc(5)).
        with open(f"/proc/{self.server.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        self.before = self.server.resident_bytes()
        return self

    def __exit__(self, *_):
        self.growth = self.server.resident_bytes("VmHWM") - self.before


def fails_to_start(
    kind: str, folder: Folder, *arguments: str, status: int | None = None, **environment: str
) -> str:
    """Starts a server that must not start; gives what it wrote."""
    process = Process([*command(kind), *arguments], folder.path, environment)
    try:
        code = process.wait()
    finally:
        process.stop()
    assert code > 0 if status is None else code == status, (code, process.log())
    return process.log()
