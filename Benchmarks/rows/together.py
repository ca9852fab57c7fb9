# SPDX-License-Identifier: Apache-2.0
"""Caller and plugin server together, on every transport, ours against the reference's: `gatehouse bench transports`."""

import json
import sys
from pathlib import Path

from .common import Options, gatehouse, printed
from .report import Row

#: Times the reference, at 32 calls in flight.
GOALS = {"gRPC, TCP": 12, "gRPC, UDS": 12, "raw socket": 25, "MCP/HTTP": 40, "MCP/HTTP, UDS": 40, "stdio": 20}


def measure(options: Options) -> tuple[list[Row], list[dict]]:
    file = f"{options.folder}/transports.json"
    printed(
        [
            gatehouse(), "bench", "transports", "--reference", sys.executable, "--rounds", str(options.rounds),
            "--seconds", str(options.seconds), "--json", file,
        ]
    )  # fmt: skip
    details = json.loads(Path(file).read_text())["rows"]
    rows = []
    for course in details:
        path = f"caller and server, {course['transport']}, {course['in_flight']} in flight"
        goal = GOALS.get(course["transport"].replace("Raw", "raw")) if course["in_flight"] == 32 else None
        ours, theirs = course["gatehouse"], course["reference"]
        rows.append(
            Row(path, "calls/s", ours["calls_per_second"], "reference", theirs["calls_per_second"], theirs["ratio"], goal)
        )
        rows.append(Row(path, "p50 us", ours["p50_us"], "reference", theirs["p50_us"], theirs["p50_us"] / ours["p50_us"]))
    return rows, details
