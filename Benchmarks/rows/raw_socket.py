# SPDX-License-Identifier: Apache-2.0
"""The plugin server over length-prefixed frames, against a C program that echoes and the reference: load by a C program."""

import sys
from pathlib import Path

from .common import HERE, Candidate, Options, Running, by_turns, gatehouse, median, printed, yardstick
from .grpc_server import request_message
from .report import Row, median_ratio


def candidates(folder: str) -> list[Candidate]:
    config = Path(folder) / "reference-socket.yaml"
    config.write_text((HERE / "noop.yaml").read_text().replace("kind: NoOpPlugin", "kind: noop_plugin.NoOpPlugin"))

    def ours(address: str):
        return [gatehouse(), "bench", "serve", "--transport", "unix", "--uds", address[5:], "-l", "warning"], {}

    def echo(address: str):
        return [yardstick("c/echo"), address[5:]], {}

    def reference(address: str):
        environment = {
            "PYTHONPATH": str(HERE / "reference"),
            "LOG_LEVEL": "ERROR",
            "PLUGINS_CONFIG_PATH": str(config),
            "PLUGINS_UNIX_SOCKET_PATH": address[5:],
        }
        return [sys.executable, "-m", "mcpgateway.plugins.framework.external.unix.server.runtime"], environment

    return [Candidate("gatehouse", ours), Candidate("C echo", echo), Candidate("reference", reference)]


def load(running: Running, request: str, connections: int, calls: int) -> dict:
    before = running.cpu_seconds()
    done, seconds, length = printed([yardstick("c/load"), running.path, str(connections), str(calls), request]).split()
    cpu = running.cpu_seconds() - before
    return {"rate": int(done) / float(seconds), "cpu_us": cpu / int(done) * 1e6, "length": int(length)}


def measure(options: Options, shapes: tuple[int, ...] = (1, 32)) -> tuple[list[Row], list[dict]]:
    request = f"{options.folder}/frame.bin"
    Path(request).write_bytes(request_message())
    running = {}
    try:
        for candidate in candidates(options.folder):
            running[candidate.name] = Running(candidate, "uds", options.folder)
        rows, details = [], []
        for connections in shapes:
            calls = {}
            for name, server in running.items():
                probe = load(server, request, connections, 2_000)
                calls[name] = max(2_000, int(probe["rate"] * options.seconds))
            samples = by_turns(
                list(running), options.rounds, lambda name: load(running[name], request, connections, calls[name])
            )
            path = f"raw socket server, {connections} connection{'s' if connections > 1 else ''}"
            details.append({"path": path, "samples": samples})
            goals = {"C echo": 0.45 if connections == 1 else 0.2, "reference": 20}
            for peer, goal in goals.items():
                for figure, unit in (("rate", "calls/s"), ("cpu_us", "us CPU/call")):
                    ours, theirs = ([sample[figure] for sample in samples[name]] for name in ("gatehouse", peer))
                    ratio = median_ratio(ours, theirs, smaller_is_better=figure == "cpu_us")
                    rows.append(
                        Row(path, unit, median(ours), peer, median(theirs), ratio, goal if figure == "rate" else None)
                    )
        return rows, details
    finally:
        for server in running.values():
            server.stop()
