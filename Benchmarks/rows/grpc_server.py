# SPDX-License-Identifier: Apache-2.0
"""The plugin server over gRPC, against the reference and a C++ server: load by h2load, so that the server is what is measured."""

import re
import sys
import time
from pathlib import Path

from .common import HERE, LIVENESS, Candidate, Options, Running, by_turns, gatehouse, median, printed, yardstick
from .report import Row, median_ratio

import grpc
from google.protobuf import json_format

import peers
from peers import pb2

METHOD = "/mcpgateway.plugins.PluginService/InvokeHook"


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


def candidates(folder: str) -> list[Candidate]:
    config = Path(folder) / "reference.yaml"
    config.write_text((HERE / "noop.yaml").read_text().replace("kind: NoOpPlugin", "kind: noop_plugin.NoOpPlugin"))

    def ours(address: str):
        where = ["--uds", address[5:]] if address.startswith("unix:") else ["-H", "127.0.0.1", "-p", address[4:]]
        return [gatehouse(), "bench", "serve", *where, "-l", "warning"], {}

    def reference(address: str):
        environment = {"PYTHONPATH": str(HERE / "reference"), "LOG_LEVEL": "ERROR"}
        where = ["-H", "127.0.0.1", "-p", address[4:]]
        if address.startswith("unix:"):
            environment["PLUGINS_GRPC_SERVER_UDS"] = address[5:]
            where = []
        module = "mcpgateway.plugins.framework.external.grpc.server.runtime"
        return [sys.executable, "-m", module, "-c", str(config), *where, "-l", "ERROR"], environment

    def cpp(address: str):
        where = address if address.startswith("unix:") else f"127.0.0.1:{address[4:]}"
        return [yardstick("cpp/server"), where], {}

    return [
        Candidate("gatehouse", ours), Candidate("reference", reference, says_ready=False), Candidate("C++ gRPC", cpp)
    ]


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
    output = printed(arguments)
    cpu = running.cpu_seconds() - before
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", output)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", output)
    data = re.search(r"\((\d+)\) data", output)
    if not (rate and counts and data) or int(counts[1]) != calls:
        raise SystemExit(f"h2load did not get {calls} answers:\n{output}")
    return {"rate": float(rate[1]), "cpu_us": cpu / calls * 1e6, "data": int(data[1])}


def measure(options: Options, transport: str, shapes: list[tuple[int, int]]) -> tuple[list[Row], list[dict]]:
    """Loads all servers over one transport, by turns, and gives rows for each shape."""
    request = request_message()
    body = f"{options.folder}/request.bin"
    Path(body).write_bytes(b"\0" + len(request).to_bytes(4, "big") + request)
    running = {}
    try:
        for candidate in candidates(options.folder):
            running[candidate.name] = Running(candidate, transport, options.folder)
        lengths = {name: checked_answer(server, request) for name, server in running.items()}
        rows, details = [], []
        for connections, streams in shapes:
            # As many calls as fill the time: measured with a first run, which also warms everything up.
            calls = {}
            for name, server in running.items():
                probe = load(server, body, connections, streams, 2_000)
                calls[name] = max(2_000, int(probe["rate"] * options.seconds))

            def run(name: str) -> dict:
                sample = load(running[name], body, connections, streams, calls[name])
                if sample["data"] != calls[name] * (lengths[name] + 5):
                    raise SystemExit(f"{name}: {sample['data']} bytes of answers for {calls[name]} calls")
                return sample

            samples = by_turns(list(running), options.rounds, run)
            path = f"gRPC server, {transport.upper()} {connections} x {streams}"
            details.append({"path": path, "samples": samples})
            rows += rows_of(path, samples, told=(connections, streams) == (1, 1))
        return rows, details
    finally:
        for server in running.values():
            server.stop()


def rows_of(path: str, samples: dict[str, list[dict]], told: bool) -> list[Row]:
    """Calls and CPU against each peer; `told` rows have nothing to reach."""
    goals = {("reference", "cpu_us"): None, ("reference", "rate"): 12, ("C++ gRPC", "cpu_us"): 1.3, ("C++ gRPC", "rate"): None}
    units = {"rate": "calls/s", "cpu_us": "us CPU/call"}
    rows = []
    for peer in ("reference", "C++ gRPC"):
        for figure, unit in units.items():
            ours = [sample[figure] for sample in samples["gatehouse"]]
            theirs = [sample[figure] for sample in samples[peer]]
            ratio = median_ratio(ours, theirs, smaller_is_better=figure == "cpu_us")
            goal = None if told else goals[peer, figure]
            rows.append(Row(path, unit, median(ours), peer, median(theirs), ratio, goal))
    return rows


def starts(options: Options, count: int) -> list[Row]:
    """How long each server takes until it is ready, and its peak memory when idle."""
    figures: dict = {}
    for _ in range(count):
        for candidate in candidates(options.folder):
            server = Running(candidate, "tcp", options.folder)
            try:
                time.sleep(0.3)
                taken = figures.setdefault(candidate.name, {"start": [], "peak": []})
                taken["start"].append(server.start_seconds * 1e3)
                taken["peak"].append(server.peak_bytes() / (1 << 20))
            finally:
                server.stop()
    rows = []
    for key, path, unit, goal in (("start", "start to READY", "ms", 50), ("peak", "idle, peak memory", "MiB", 25)):
        ours = median(figures["gatehouse"][key])
        rows.append(Row(path, unit, ours, "", None, None, goal, at_most=True))
        for peer in ("reference", "C++ gRPC"):
            theirs = median(figures[peer][key])
            rows.append(Row(path, unit, ours, peer, theirs, theirs / ours))
    return rows
