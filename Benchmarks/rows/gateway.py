# SPDX-License-Identifier: Apache-2.0
"""tools/call through the gateway, beside the same server called directly and through PyPI's mcp-proxy."""

import json
import time
import urllib.request
from pathlib import Path

from .common import ROOT, Candidate, Options, Running, by_turns, gatehouse, median, printed
from .report import Row, median_ratio

ARGUMENTS = '{"text":"an ordinary call"}'


def asked(url: str, method: str, params: dict, session: str | None) -> tuple[dict, str | None]:
    """One request; its result and the session's identifier."""
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if session:
        headers |= {"mcp-session-id": session, "mcp-protocol-version": "2025-06-18"}
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if not method.startswith("notifications/"):
        message["id"] = 1
    request = urllib.request.Request(url, json.dumps(message).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
        data = [line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()] or [text or "{}"]
        return json.loads(data[-1]).get("result", {}), answer.headers.get("mcp-session-id") or session


def echo_tool(url: str) -> str:
    """The name under which the echo tool is offered there."""
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
    _, session = asked(url, "initialize", client, None)
    asked(url, "notifications/initialized", {}, session)
    tools, _ = asked(url, "tools/list", {}, session)
    names = [tool["name"] for tool in tools["tools"] if tool["name"].endswith("echo")]
    if len(names) != 1:
        raise SystemExit(f"{url} offers no echo tool, or several: {tools}")
    return names[0]


def upstream(_: Options) -> Candidate:
    return Candidate("direct", lambda address: ([gatehouse(), "demo-server", "--port", address[4:]], {}), says_ready=False)


def gateway(name: str, options: Options, settings: dict) -> Candidate:
    """A gateway with these settings; JSON is YAML."""
    config = Path(options.folder) / f"{name.replace(' ', '-')}.yaml"
    config.write_text(json.dumps(settings))

    def command(address: str):
        return [gatehouse(), "gateway", "--config", str(config), "--port", address[4:], "-l", "warning"], {}

    return Candidate(name, command)


def mcp_proxy(_: Options) -> Candidate:
    program = str(ROOT / ".build/benchmarks/venv-mcp-proxy/bin/mcp-proxy")

    def command(address: str):
        return [program, "--port", address[4:], "--log-level", "ERROR", gatehouse(), "demo-server"], {}

    return Candidate("mcp-proxy", command, says_ready=False)


def measure(options: Options) -> tuple[list[Row], list[dict]]:
    running: dict[str, Running] = {}

    def start(candidate: Candidate, transport: str = "tcp") -> Running:
        running[candidate.name] = Running(candidate, transport, options.folder)
        return running[candidate.name]

    def urls() -> dict[str, str]:
        return {name: f"http://127.0.0.1:{server.port}/mcp" for name, server in running.items() if not server.uds}

    try:
        plugins = start(
            Candidate("plugins", lambda address: ([gatehouse(), "bench", "serve", "--uds", address[5:]], {})), "uds"
        )
        direct = start(upstream(options))
        over_http = {"mcpServers": {"demo": {"url": f"http://127.0.0.1:{direct.port}/mcp"}}}
        start(gateway("gateway", options, over_http))
        external = {"name": "NoOp", "kind": "external", "hooks": ["tool_pre_invoke"], "grpc": {"uds": plugins.path}}
        start(gateway("gateway with a UDS plugin", options, {**over_http, "plugins": [external]}))
        start(gateway("gateway to stdio", options, {"mcpServers": {"demo": {"command": gatehouse(), "args": ["demo-server"]}}}))
        start(mcp_proxy(options))
        tools = {name: echo_tool(url) for name, url in urls().items()}

        def load(name: str, in_flight: int) -> dict:
            figures = json.loads(
                printed(
                    [
                        gatehouse(), "bench", "tool", "--url", urls()[name], "--tool", tools[name], "--arguments",
                        ARGUMENTS, "--in-flight", str(in_flight), "--duration", str(options.seconds), "--warmup", "0.2",
                        "--json",
                    ]
                )
            )  # fmt: skip
            return {"rate": figures["calls_per_second"], "p50": figures["latency_us"]["p50"]}

        rows, details = [], []
        for in_flight in (1, 32):
            samples = by_turns(list(tools), options.rounds, lambda name: load(name, in_flight))
            details.append({"in_flight": in_flight, "samples": samples})

            def taken(name: str, figure: str = "rate") -> list[float]:
                return [sample[figure] for sample in samples[name]]

            def row(ours: str, peer: str, goal: float | None) -> Row:
                path = f"tools/call through the {ours}, {in_flight} in flight"
                ratio = median_ratio(taken(ours), taken(peer))
                return Row(path, "calls/s", median(taken(ours)), peer, median(taken(peer)), ratio, goal)

            full = in_flight == 32
            rows.append(row("gateway", "direct", 0.5 if full else None))
            rows.append(row("gateway to stdio", "mcp-proxy", 15 if full else None))
            rows.append(row("gateway", "mcp-proxy", None))
            pairs = zip(taken("gateway with a UDS plugin", "p50"), taken("gateway", "p50"), strict=True)
            added = median([with_plugin - without for with_plugin, without in pairs])
            path = f"tools/call, added by one UDS plugin, {in_flight} in flight"
            # With many calls in flight a call mostly waits for the others; one alone shows what the plugin adds.
            rows.append(Row(path, "us at p50", added, "", None, None, None if full else 100, at_most=True))
        peak = running["gateway"].peak_bytes() / (1 << 20)
        rows.append(Row("gateway after the load, peak memory", "MiB", peak, "", None, None))
        return rows, details
    finally:
        for server in reversed(running.values()):
            server.stop()


def idle(options: Options) -> tuple[list[Row], list[dict]]:
    """Start and idle memory of a gateway without servers."""
    starts, peaks = [], []
    for _ in range(options.rounds):
        server = Running(gateway("idle gateway", options, {"mcpServers": {}}), "tcp", options.folder)
        try:
            time.sleep(0.3)
            starts.append(server.start_seconds * 1e3)
            peaks.append(server.peak_bytes() / (1 << 20))
        finally:
            server.stop()
    return [
        Row("gateway, start to READY", "ms", median(starts), "", None, None, 50, at_most=True),
        Row("gateway, idle, peak memory", "MiB", median(peaks), "", None, None, 40, at_most=True),
    ], []
