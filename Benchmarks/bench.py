# SPDX-License-Identifier: Apache-2.0
"""The runner behind Benchmarks/run: measures part by part, and prints one table of all figures."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rows import gateway, grpc_server, growth, plugins, raw_socket, tls, together
from rows.common import ROOT, Options
from rows.report import Row, table, write

Part = Callable[[Options], tuple[list[Row], list[dict]]]

PARTS: dict[str, Part] = {
    "start": lambda options: (grpc_server.starts(options, options.rounds), []),
    "grpc-tcp": lambda options: grpc_server.measure(options, "tcp", [(1, 1), (1, 32), (8, 16)]),
    "grpc-uds": lambda options: grpc_server.measure(options, "uds", [(1, 1), (1, 32), (8, 16)]),
    "socket": raw_socket.measure,
    "tls": tls.measure,
    "together": together.measure,
    "gateway-idle": gateway.idle,
    "gateway": gateway.measure,
    "pii": plugins.pii,
    "chain": plugins.chain,
    "connections": growth.connections,
    "plugins": growth.plugins,
    "payload": growth.payload,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="Benchmarks/run")
    parser.add_argument("--quick", action="store_true", help="3 short rounds")
    parser.add_argument("--rounds", type=int, help="rounds of which the median is taken (default 5, quick 3)")
    parser.add_argument("--seconds", type=float, help="length of one measurement (default 1, quick 0.4)")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="leave out the other parts")
    parser.add_argument(
        "--json", default=str(ROOT / ".build/benchmarks/results.json"), help="where the figures go; the chart goes beside"
    )
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 5)
    seconds = options.seconds or (0.4 if options.quick else 1.0)
    print(f"{rounds} rounds of {seconds} s, medians, on {os.cpu_count()} processors, {platform.platform()}", flush=True)

    rows: list[Row] = []
    details: dict = {}
    with tempfile.TemporaryDirectory(prefix="gh-bench-") as folder:
        for name in options.only or PARTS:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            added, samples = PARTS[name](Options(rounds, seconds, folder))
            rows += added
            details[name] = samples
            print("\n".join(table(added).splitlines()[0 if len(rows) == len(added) else 2 :]), flush=True)
    write(rows, {"machine": platform.platform(), "rounds": rounds, "seconds": seconds, "details": details}, Path(options.json))
    short = [row for row in rows if row.reached is False]
    print(f"\n{len(rows)} figures, {len(short)} short of what is to be reached. Written to {options.json}")


if __name__ == "__main__":
    main()
