# SPDX-License-Identifier: Apache-2.0
"""Plugins alone, and chains of them: the PII filter beside the reference's in Rust and in Python, ten plugins on one server."""

import json
import os
import sys
from pathlib import Path

from .common import HERE, ROOT, Candidate, Options, Running, by_turns, gatehouse, median, printed
from .report import Row, median_ratio

CLEAN = (
    "The quarterly report covers four regions, and the figures for each of them are in the attached sheet. Revenue grew in "
    "three, mostly because the new warehouse cut delivery times by half; the fourth was held back by the weather and by a "
    "supplier who could not deliver before the end of March. Please look at the notes on page four and tell the team, by "
    "Friday if you can, whether the plan for the next two quarters still holds or needs another round"
)
FINDINGS = [
    "write to ada.lovelace@example.com today",
    "her number is 123-45-6789 as filed",
    "call (555) 123-4567 before noon",
    "paid by card 4111-1111-1111-1111 in May",
    "the host at 192.168.17.201 is down",
    "she was born on: DOB: 01/02/1985 there",
]


def texts(with_findings: bool) -> dict:
    """A tool call of six fields of 400 characters."""
    clean = CLEAN.ljust(400, ".")[:400]
    fields = [clean] * 6
    if with_findings:
        fields = [(clean[:180] + " " + found + " " + clean[181 + len(found) + 1 :]) for found in FINDINGS]
    assert all(len(field) == 400 for field in fields), [len(field) for field in fields]
    return {"name": "report", "args": {f"field_{number}": field for number, field in enumerate(fields)}}


def pii(options: Options) -> tuple[list[Row], list[dict]]:
    config = Path(options.folder) / "pii.yaml"
    config.write_text(
        "plugins:\n  - {name: PII, kind: PIIFilterPlugin, hooks: [tool_pre_invoke], config: {log_detections: false}}\n"
    )
    environment = str(ROOT / ".build/benchmarks/venv-pii/bin/python")
    variants = {"Rust, core": (environment, "rust"), "Rust, hook": (environment, "rust-hook")}
    if source := os.environ.get("REFERENCE_PII_FILTER"):
        variants["Python"] = (sys.executable, source)
    goals = {"Rust, core": 1, "Rust, hook": 1, "Python": 15}
    rows, details = [], []
    for with_findings in (False, True):
        payload = texts(with_findings)

        def run(name: str) -> dict:
            if name == "gatehouse":
                figures = json.loads(
                    printed(
                        [
                            gatehouse(), "bench", "--config", str(config), "--plugin", "PII", "--payload",
                            json.dumps(payload), "--in-flight", "1", "--duration", str(options.seconds), "--warmup", "0.1",
                            "--json",
                        ]
                    )
                )  # fmt: skip
                return {"us": figures["latency_us"]["p50"]}
            python, variant = variants[name]
            figures = json.loads(
                printed([python, str(HERE / "reference/pii.py"), variant, json.dumps(payload), str(options.seconds)])
            )
            if figures["changes"] != with_findings:
                raise SystemExit(f"{name} {'finds nothing' if with_findings else 'finds what is not there'}")
            return figures

        samples = by_turns(["gatehouse", *variants], options.rounds, run)
        path = f"PII filter in process, {'with findings' if with_findings else 'clean text'}"
        details.append({"path": path, "samples": samples})
        ours = [sample["us"] for sample in samples["gatehouse"]]
        for peer in variants:
            theirs = [sample["us"] for sample in samples[peer]]
            ratio = median_ratio(ours, theirs, smaller_is_better=True)
            rows.append(Row(path, "us/call", median(ours), peer, median(theirs), ratio, goals[peer]))
    return rows, details


def chain(options: Options, plugins: int = 10) -> tuple[list[Row], list[dict]]:
    """A chain of plugins that all live on one server, against one of them."""
    folder = Path(options.folder)
    served = folder / "chain-server.yaml"
    served.write_text("plugins:\n" + "".join(f"  - {{name: NoOp{n}, kind: NoOpPlugin}}\n" for n in range(plugins)))

    def command(address: str):
        return [gatehouse(), "bench", "serve", "--config", str(served), "--uds", address[5:], "-l", "warning"], {}

    server = Running(Candidate("chain", command), "uds", options.folder)
    try:
        configs = {}
        for count in (1, plugins):
            configs[str(count)] = folder / f"chain-{count}.yaml"
            entry = "  - {{name: NoOp{n}, kind: external, hooks: [tool_pre_invoke], grpc: {{uds: {uds}}}}}\n"
            configs[str(count)].write_text(
                "plugins:\n" + "".join(entry.format(n=n, uds=server.path) for n in range(count))
            )

        def run(name: str) -> dict:
            figures = json.loads(
                printed(
                    [
                        gatehouse(), "bench", "--config", str(configs[name]), "--pipeline", "--in-flight", "1",
                        "--duration", str(options.seconds), "--warmup", "0.1", "--json",
                    ]
                )
            )  # fmt: skip
            return {"us": figures["latency_us"]["p50"]}

        samples = by_turns(list(configs), options.rounds, run)
    finally:
        server.stop()
    one, many = ([sample["us"] for sample in samples[name]] for name in configs)
    path = f"chain of {plugins} plugins on one server, times one"
    times = median_ratio(one, many, smaller_is_better=True)
    return [Row(path, "times", times, "", None, None, 2, at_most=True)], [{"path": path, "samples": samples}]
