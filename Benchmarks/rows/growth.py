# SPDX-License-Identifier: Apache-2.0
"""What more of something costs: connections, configured plugins, bytes of payload."""

import json
from pathlib import Path

from .common import Candidate, Options, Running, by_turns, gatehouse, median, printed
from .grpc_server import load, request_message
from .report import Row, median_ratio


def server(options: Options, transport: str = "uds", config: Path | None = None) -> Running:
    def command(address: str):
        where = ["--uds", address[5:]] if address.startswith("unix:") else ["-H", "127.0.0.1", "-p", address[4:]]
        given = ["--config", str(config)] if config else []
        return [gatehouse(), "bench", "serve", *given, *where, "-l", "warning"], {}

    return Running(Candidate("growth", command), transport, options.folder)


def connections(options: Options) -> tuple[list[Row], list[dict]]:
    """CPU of a call with 1 and with 1,000 connections, one call at a time on each of them."""
    request = request_message()
    body = f"{options.folder}/growth.bin"
    Path(body).write_bytes(b"\0" + len(request).to_bytes(4, "big") + request)
    running = server(options, "tcp")
    try:
        shapes = {"1 x 1": (1, 1), "1 x 32": (1, 32), "1,000 x 1": (1_000, 1)}
        # So many that making a thousand connections, which counts as well, weighs little.
        calls = {"1 x 1": 5_000, "1 x 32": 20_000, "1,000 x 1": 100_000}
        samples = by_turns(list(shapes), options.rounds, lambda name: load(running, body, *shapes[name], calls[name]))
    finally:
        running.stop()
    rows = []
    many = [sample["cpu_us"] for sample in samples["1,000 x 1"]]
    for shape, goal in (("1 x 1", 20), ("1 x 32", None)):
        few = [sample["cpu_us"] for sample in samples[shape]]
        lost = (1 - median_ratio(few, many)) * 100
        path = f"gRPC, 1,000 x 1: throughput a core lost against {shape}"
        rows.append(Row(path, "%", lost, "", None, None, goal, at_most=True))
    return rows, [{"path": "connections", "samples": samples}]


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
