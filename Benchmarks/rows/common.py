# SPDX-License-Identifier: Apache-2.0
"""Servers under measurement, and what one run of a program prints."""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "Interop"))

from servers import Process  # noqa: E402  (the interop suite's process helper)

TICKS = os.sysconf("SC_CLK_TCK")
LIVENESS = 60.0
median = statistics.median


def gatehouse() -> str:
    """The release build of our executable."""
    binary = os.environ.get("GATEHOUSE_RELEASE_BIN") or str(ROOT / ".build/release/gatehouse")
    if not os.access(binary, os.X_OK):
        raise SystemExit(f"{binary} is missing; run without --no-build, or set GATEHOUSE_RELEASE_BIN")
    return binary


def yardstick(name: str) -> str:
    """A program of Benchmarks/cpp or Benchmarks/c, as Benchmarks/run builds them."""
    return str(ROOT / ".build/benchmarks" / name)


@dataclass
class Options:
    """How long and how often is measured."""

    rounds: int
    seconds: float
    folder: str


@dataclass
class Candidate:
    """One server to measure."""

    name: str
    #: Makes the command and its environment for an address: "tcp:PORT" or "unix:PATH".
    command: Callable[[str], tuple[list[str], dict[str, str]]]
    #: Whether it prints READY once it listens. The reference does not over gRPC; for it, accepting a connection must do.
    says_ready: bool = True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server process that accepts connections, with its figures."""

    def __init__(self, candidate: Candidate, transport: str, folder: str):
        # The reference cannot tell the port it got, so all are given one.
        self.path = f"{folder}/{candidate.name.replace('+', 'x').replace(' ', '-')}-{time.monotonic_ns()}.sock"
        self.port = free_port()
        self.uds = transport == "uds"
        arguments, environment = candidate.command(f"unix:{self.path}" if self.uds else f"tcp:{self.port}")
        begin = time.monotonic()
        self.process = Process(arguments, folder, environment)
        if candidate.says_ready:
            self.process.wait_for_line("READY", LIVENESS)
        else:
            self._wait_until_accepting()
        self.start_seconds = time.monotonic() - begin

    def _wait_until_accepting(self) -> None:
        end = time.monotonic() + LIVENESS
        while True:
            with socket.socket(socket.AF_UNIX if self.uds else socket.AF_INET) as probe:
                try:
                    probe.connect(self.path if self.uds else ("127.0.0.1", self.port))
                    return
                except OSError:
                    pass
            if self.process.process.poll() is not None or time.monotonic() > end:
                log = self.process.log()
                self.process.stop()
                raise SystemExit(f"{self.process.process.args[0]} does not start:\n{log}")
            time.sleep(0.0005)

    @property
    def target(self) -> str:
        return f"unix:{self.path}" if self.uds else f"127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time of all threads (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_bytes(self) -> int:
        return self.process.resident_bytes("VmHWM")

    def stop(self) -> None:
        self.process.stop()


def printed(arguments: list[str], timeout: float = 600) -> str:
    """What a program prints on stdout; it must end well."""
    process = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{process.stdout}{process.stderr}")
    return process.stdout


def by_turns(names: list[str], rounds: int, measure: Callable[[str], dict]) -> dict[str, list[dict]]:
    """Measures all by turns; each is first, second and last equally often."""
    samples: dict[str, list[dict]] = {name: [] for name in names}
    order = list(names)
    for _ in range(rounds):
        for name in order:
            samples[name].append(measure(name))
        order = order[1:] + order[:1]
    return samples
