# SPDX-License-Identifier: Apache-2.0
"""The runner behind Benchmarks/run: starts the servers, loads them in turn, compares medians."""

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "Interop"))

from servers import Process  # noqa: E402  (the interop suite's process helper)

import grpc  # noqa: E402
from google.protobuf import json_format  # noqa: E402

import peers  # noqa: E402
from peers import pb2  # noqa: E402

METHOD = "/mcpgateway.plugins.PluginService/InvokeHook"
TICKS = os.sysconf("SC_CLK_TCK")
LIVENESS = 60.0


def request_message() -> bytes:
    """An InvokeHook request as a gateway sends it for an ordinary tool call; the same bytes for every server."""
    message = pb2.InvokeHookRequest(hook_type="tool_pre_invoke", plugin_name="NoOp")
    message.payload.update(
        {
            "name": "search_documents",
            "args": {"query": "quarterly report 2026", "limit": 25, "filters": {"lang": "en", "tags": ["a", "b"]}},
            "headers": {"authorization": "Bearer 0123456789abcdef", "x-request-id": "8f14e45f-ceea-467f-a0e6"},
        }
    )
    context = message.context
    context.global_context.request_id = "3c59dc04-8e88-4a5c-9d38-7b0a1c2f9e11"
    context.global_context.server_id = "server-1"
    context.global_context.tenant_id = "tenant-1"
    context.global_context.user_string = "ada@example.com"
    context.global_context.metadata.update({"gateway": {"name": "main", "version": 2}, "tool": {"owner": "docs"}})
    context.state.update({"seen": True, "count": 3})
    # A note that fills it up to the size past figures were taken with; map entries in one order.
    for length in range(594):
        context.metadata["note"] = "x" * length
        encoded = message.SerializeToString(deterministic=True)
        if len(encoded) == 594:
            return encoded
    raise SystemExit("the request cannot be brought to 594 bytes")


@dataclass
class Candidate:
    """One server to measure."""

    name: str
    #: Makes the command and its environment for an address: "tcp:PORT" or "unix:PATH".
    command: Callable[[str], tuple[list[str], dict[str, str]]]
    #: Whether it prints READY once it listens. The reference does not; for it, accepting a connection must do.
    says_ready: bool


def gatehouse_command(folder: str):
    binary = os.environ.get("INTEROP_PLUGINS_RELEASE_BIN") or str(ROOT / ".build/release/InteropPlugins")
    if not os.access(binary, os.X_OK):
        raise SystemExit(f"{binary} is missing; run without --no-build, or set INTEROP_PLUGINS_RELEASE_BIN")

    def command(address: str):
        where = ["--uds", address[5:]] if address.startswith("unix:") else ["-H", "127.0.0.1", "-p", address[4:]]
        return [binary, "-c", str(HERE / "noop.yaml"), *where, "--log-format", "json", "-l", "warning"], {}

    return command


def reference_command(folder: str):
    config = Path(folder) / "reference.yaml"
    config.write_text((HERE / "noop.yaml").read_text().replace("kind: NoOpPlugin", "kind: noop_plugin.NoOpPlugin"))
    module = "mcpgateway.plugins.framework.external.grpc.server.runtime"

    def command(address: str):
        environment = {"PYTHONPATH": str(HERE / "reference"), "LOG_LEVEL": "ERROR"}
        where = ["-H", "127.0.0.1", "-p", address[4:]]
        if address.startswith("unix:"):
            environment["PLUGINS_GRPC_SERVER_UDS"] = address[5:]
            where = []
        return [sys.executable, "-m", module, "-c", str(config), *where, "-l", "ERROR"], environment

    return command


def cpp_command(folder: str):
    binary = ROOT / ".build/benchmarks/cpp/server"

    def command(address: str):
        where = address if address.startswith("unix:") else f"127.0.0.1:{address[4:]}"
        return [str(binary), where], {}

    return command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server process that accepts connections, with its figures."""

    def __init__(self, candidate: Candidate, transport: str, folder: str):
        # The reference cannot tell the port it got, so all are given one.
        self.path = f"{folder}/{candidate.name.replace('+', 'x')}-{time.monotonic_ns()}.sock"
        self.port = free_port()
        address = f"unix:{self.path}" if transport == "uds" else f"tcp:{self.port}"
        self.uds = transport == "uds"
        arguments, environment = candidate.command(address)
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


def checked_answer(running: Running, request: bytes) -> int:
    """Makes one real call, fails unless its answer is right, and gives the answer's length."""
    with grpc.insecure_channel(running.target) as channel:
        call = channel.unary_unary(METHOD)
        encoded = call(request, timeout=LIVENESS, wait_for_ready=True)
    answer = pb2.InvokeHookResponse.FromString(encoded)
    result = peers.PluginResult.model_validate(json_format.MessageToDict(answer.result))
    if answer.HasField("error") or answer.plugin_name != "NoOp" or not result.continue_processing:
        raise SystemExit(f"{running.process.process.args[0]} answers wrongly: {answer}")
    if result.modified_payload is not None or result.violation is not None:
        raise SystemExit(f"{running.process.process.args[0]} changes the call: {answer}")
    return len(encoded)


def load(running: Running, body: str, connections: int, streams: int, calls: int) -> dict:
    """One run of h2load: calls and data bytes that arrived, calls a second and CPU a call."""
    where = ["-B", f"unix:{running.path}"] if running.uds else []
    url = f"http://localhost{METHOD}" if running.uds else f"http://127.0.0.1:{running.port}{METHOD}"
    arguments = ["h2load", "-c", str(connections), "-m", str(streams), "-n", str(calls), "-d", body]
    arguments += ["-H", "content-type: application/grpc", "-H", "te: trailers", *where, url]
    before = running.cpu_seconds()
    output = subprocess.run(arguments, capture_output=True, text=True, timeout=600, check=True).stdout
    cpu = running.cpu_seconds() - before
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", output)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", output)
    data = re.search(r"\((\d+)\) data", output)
    if not (rate and counts and data) or int(counts[1]) != calls:
        raise SystemExit(f"h2load did not get {calls} answers:\n{output}")
    return {"rate": float(rate[1]), "cpu_us": cpu / calls * 1e6, "data": int(data[1])}


def median(values: list[float]) -> float:
    return statistics.median(values)


def measure(candidates: list[Candidate], transport: str, shapes: list[tuple[int, int]], options, folder: str) -> list:
    """Loads all servers over one transport, in turns, and gives a row for each shape."""
    request = request_message()
    body = f"{folder}/request.bin"
    Path(body).write_bytes(b"\0" + len(request).to_bytes(4, "big") + request)
    running = {candidate.name: Running(candidate, transport, folder) for candidate in candidates}
    try:
        lengths = {name: checked_answer(server, request) for name, server in running.items()}
        rows = []
        for connections, streams in shapes:
            # As many calls as fill the time: measured with a first run, which also warms everything up.
            calls = {}
            for name, server in running.items():
                probe = load(server, body, connections, streams, 2_000)
                calls[name] = max(2_000, int(probe["rate"] * options.seconds))
            samples = {name: [] for name in running}
            order = list(running)
            for _ in range(options.rounds):
                for name in order:
                    sample = load(running[name], body, connections, streams, calls[name])
                    if sample["data"] != calls[name] * (lengths[name] + 5):
                        raise SystemExit(f"{name}: {sample['data']} bytes of answers for {calls[name]} calls")
                    samples[name].append(sample)
                # Each server is first, second and last equally often.
                order = order[1:] + order[:1]
            rows.append(
                {
                    "transport": transport,
                    "connections": connections,
                    "streams": streams,
                    "servers": {
                        name: {
                            "calls_per_second": median([sample["rate"] for sample in taken]),
                            "cpu_us_per_call": median([sample["cpu_us"] for sample in taken]),
                            "rounds": taken,
                        }
                        for name, taken in samples.items()
                    },
                }
            )
            print_row(rows[-1])
        return rows
    finally:
        for server in running.values():
            server.stop()


def print_row(row: dict) -> None:
    print(f"\n{row['transport'].upper()}, {row['connections']} connection(s) x {row['streams']} stream(s)")
    ours = row["servers"].get("gatehouse")
    for name, figures in row["servers"].items():
        versus = ""
        if ours and figures is not ours:
            # Of each round, then the median: what slows the machine down for a while slows both.
            pairs = list(zip(ours["rounds"], figures["rounds"], strict=True))
            faster = median([mine["rate"] / other["rate"] for mine, other in pairs])
            cheaper = median([other["cpu_us"] / mine["cpu_us"] for mine, other in pairs])
            figures |= {"gatehouse_calls_ratio": faster, "gatehouse_cpu_ratio": cheaper}
            versus = f"   gatehouse: {faster:5.2f} x calls/s, {cheaper:5.2f} x by CPU"
        rate, cpu = figures["calls_per_second"], figures["cpu_us_per_call"]
        print(f"  {name:10} {rate:9.0f} calls/s {cpu:8.1f} us CPU/call{versus}")
    sys.stdout.flush()


def starts(candidates: list[Candidate], count: int, folder: str) -> dict:
    """How long each server takes until it is ready, and its peak memory when idle."""
    figures = {candidate.name: {"start": [], "peak": []} for candidate in candidates}
    for _ in range(count):
        for candidate in candidates:
            server = Running(candidate, "tcp", folder)
            try:
                time.sleep(0.3)
                figures[candidate.name]["start"].append(server.start_seconds)
                figures[candidate.name]["peak"].append(server.peak_bytes())
            finally:
                server.stop()
    return {
        name: {"start_ms": median(taken["start"]) * 1e3, "peak_idle_mib": median(taken["peak"]) / (1 << 20)}
        for name, taken in figures.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="Benchmarks/run")
    parser.add_argument("--quick", action="store_true", help="3 short rounds of 1 x 32 over TCP")
    parser.add_argument("--rounds", type=int, help="rounds of which the median is taken (default 7, quick 3)")
    parser.add_argument("--seconds", type=float, help="length of one run (default 1, quick 0.5)")
    parser.add_argument("--json", default=str(ROOT / ".build/benchmarks/results.json"), help="where the figures go")
    choices = ["gatehouse", "reference", "c++"]
    parser.add_argument("--only", action="append", choices=choices, help="leave out the others")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.5 if options.quick else 1.0)
    shapes = [(1, 32)] if options.quick else [(1, 1), (1, 32), (8, 16)]
    transports = ["tcp"] if options.quick else ["tcp", "uds"]

    with tempfile.TemporaryDirectory(prefix="gh-bench-") as folder:
        makers = {"gatehouse": gatehouse_command, "reference": reference_command, "c++": cpp_command}
        chosen = options.only or choices
        candidates = [Candidate(name, makers[name](folder), name != "reference") for name in makers if name in chosen]
        print(f"{options.rounds} rounds of {options.seconds} s, medians, on {os.cpu_count()} processors")
        print(platform.platform())
        idle = starts(candidates, 3 if options.quick else 5, folder)
        print("\nStart and idle memory")
        for name, figures in idle.items():
            print(f"  {name:10} {figures['start_ms']:8.1f} ms to READY  {figures['peak_idle_mib']:8.1f} MiB peak")
        rows = []
        for transport in transports:
            rows += measure(candidates, transport, shapes, options, folder)
    Path(options.json).parent.mkdir(parents=True, exist_ok=True)
    Path(options.json).write_text(json.dumps({"idle": idle, "rows": rows}, indent=2))
    print(f"\nWritten to {options.json}")


if __name__ == "__main__":
    main()
