# SPDX-License-Identifier: Apache-2.0
"""What more of something costs: connections, configured plugins, bytes of payload."""

import json
import resource
from pathlib import Path

from . import raw_socket
from .common import Candidate, Options, Running, by_turns, gatehouse, median, printed
from .grpc_server import load, request_message
from .report import Row, median_ratio


def server(options: Options, transport: str = "uds", more: list[str] | None = None) -> Running:
    def command(address: str):
        where = ["--uds", address[5:]] if address.startswith("unix:") else ["-H", "127.0.0.1", "-p", address[4:]]
        return [gatehouse(), "bench", "serve", *(more or []), *where, "-l", "warning"], {}

    return Running(Candidate("growth", command), transport, options.folder)


def connections(options: Options) -> tuple[list[Row], list[dict]]:
    """What a core does with 1 and with 1,000 connections, one call at a time on each of them: over gRPC and the raw socket."""
    raise_open_files(2_500)
    request = request_message()
    body = f"{options.folder}/growth.bin"
    Path(body).write_bytes(b"\0" + len(request).to_bytes(4, "big") + request)
    frame = f"{options.folder}/growth-frame.bin"
    Path(frame).write_bytes(request)

    def over_grpc(running: Running, connections: int, calls: int) -> dict:
        return load(running, body, connections, 1, calls)

    def over_raw_socket(running: Running, connections: int, calls: int) -> dict:
        return raw_socket.load(running, frame, connections, calls)

    # So many that making a thousand connections, which counts as well, weighs little.
    kinds = {
        "gRPC": ("tcp", [], over_grpc, {1: 5_000, 32: 40_000, 1_000: 100_000}),
        "raw socket": ("uds", ["--transport", "unix"], over_raw_socket, {1: 20_000, 32: 100_000, 1_000: 300_000}),
    }
    rows, details = [], []
    for name, (transport, more, run, calls) in kinds.items():
        running = server(options, transport, more)
        try:
            samples = by_turns(list(calls), options.rounds, lambda count: run(running, count, calls[count]))
        finally:
            running.stop()
        details.append({"path": f"{name}, connections", "samples": samples})
        many = [sample["cpu_us"] for sample in samples[1_000]]
        for count, goal in ((1, 20), (32, None)):
            few = [sample["cpu_us"] for sample in samples[count]]
            lost = (1 - median_ratio(few, many)) * 100
            path = f"{name}, 1,000 connections: throughput a core lost against {count} ({median(few):.1f} us CPU/call)"
            rows.append(Row(path, "%", lost, "", None, None, goal, at_most=True))
    return rows, details


def raise_open_files(count: int) -> None:
    """Lets the programs that are started have this many files open; a thousand connections need more than is usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"{count} open files are needed, and {hard} allowed: raise the hard limit (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def plugins(options: Options) -> tuple[list[Row], list[dict]]:
    """A hook with one plugin, alone and beside 999 plugins of another hook."""
    folder = Path(options.folder)
    configs = {}
    for count in (1, 1_000):
        others = "".join(
            f"  - {{name: Other{n}, kind: DenyListPlugin, hooks: [prompt_pre_fetch], config: {{words: [x]}}}}\n"
            for n in range(count - 1)
        )
        config = folder / f"plugins-{count}.yaml"
        config.write_text(
            "plugins:\n  - {name: PII, kind: PIIFilterPlugin, hooks: [tool_pre_invoke]}\n" + others
        )
        configs[str(count)] = config

    def run(name: str) -> dict:
        figures = json.loads(
            printed(
                [
                    gatehouse(), "bench", "--config", str(configs[name]), "--pipeline", "--in-flight", "1", "--duration",
                    str(options.seconds), "--warmup", "0.1", "--json",
                ]
            )
        )  # fmt: skip
        return {"us": figures["latency_us"]["p50"]}

    samples = by_turns(list(configs), options.rounds, run)
    one, many = ([sample["us"] for sample in samples[name]] for name in configs)
    path = "a hook beside 999 plugins of another hook, times alone"
    times = median_ratio(one, many, smaller_is_better=True)
    return [Row(path, "times", times, "", None, None, 1.1, at_most=True)], [{"path": path, "samples": samples}]


def payload(options: Options) -> tuple[list[Row], list[dict]]:
    """The time of a call by the size of its payload, from 1 KB to 10 MB: what a byte costs must not grow."""
    running = server(options)
    sizes = {"100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}
    files = {}
    for name, size in sizes.items():
        # Many members rather than one long string: what is decoded and checked grows with it.
        members = {f"member_{n:06}": "x" * 80 for n in range(size // 100)}
        files[name] = Path(options.folder) / f"payload-{size}.json"
        files[name].write_text(json.dumps({"name": "search", "args": members}, separators=(",", ":")))

    def run(name: str) -> dict:
        command = (
            f"exec '{gatehouse()}' bench --uds '{running.path}' --plugin NoOp --payload - --in-flight 1 "
            f"--duration {max(options.seconds, 1)} --warmup 0.1 --json < '{files[name]}'"
        )
        figures = json.loads(printed(["sh", "-c", command]))
        return {"us": figures["latency_us"]["p50"], "bytes": files[name].stat().st_size}

    try:
        samples = by_turns(list(sizes), options.rounds, run)
    finally:
        running.stop()
    rows = []
    for smaller, larger in (("100 KB", "1 MB"), ("1 MB", "10 MB")):
        small, large = (
            [sample["us"] * 1e3 / sample["bytes"] for sample in samples[name]] for name in (smaller, larger)
        )
        path = f"gRPC call, a byte of {larger} of payload, times one of {smaller}"
        times = median_ratio(small, large, smaller_is_better=True)
        rows.append(Row(path, f"times, of {median(small):.1f} ns", times, "", None, None, 1.5, at_most=True))
    return rows, [{"path": "payload", "samples": samples}]
