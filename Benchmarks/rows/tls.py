# SPDX-License-Identifier: Apache-2.0
"""The plugin server over TLS beside the same server in plain text: calls by h2load, handshakes by `openssl s_time`."""

import json
import re
import subprocess

from .common import Candidate, Options, Running, by_turns, gatehouse, median, printed
from .grpc_server import METHOD, request_message
from .report import Row, median_ratio

from certificates import certs, holder

NAMES = {"grpc": "PLUGINS_GRPC_SERVER", "http": "PLUGINS_SERVER"}
CLIENTS = {"grpc": "CLIENT_AUTH", "http": "CERT_REQS"}


def candidate(transport: str, files) -> Candidate:
    """A no-op plugin server, over TLS with these files (P-256), in plain text without."""

    def command(address: str):
        environment = {}
        if files:
            values = {"ENABLED": "true", "CERTFILE": files.certfile, "KEYFILE": files.keyfile}
            values[CLIENTS[transport]] = "none" if transport == "grpc" else "0"
            environment = {f"{NAMES[transport]}_SSL_{name}": value for name, value in values.items()}
        where = ["--transport", transport, "-H", "127.0.0.1", "-p", address[4:]]
        return [gatehouse(), "bench", "serve", *where, "-l", "error"], environment

    return Candidate(f"{transport} {'TLS' if files else 'plain'}", command)


def load(running: Running, transport: str, body: str, calls: int) -> dict:
    """One run of h2load with 32 calls in flight: calls a second and CPU a call.

    Over gRPC they share a connection, over HTTP/1.1 each has one.
    """
    scheme = "https" if "TLS" in running.name else "http"
    if transport == "grpc":
        shape = ["-c", "1", "-m", "32", "-H", "content-type: application/grpc", "-H", "te: trailers"]
        path = METHOD
    else:
        shape = [
            "--h1", "-c", "32", "-m", "1", "-H", "content-type: application/json",
            "-H", "accept: application/json, text/event-stream", "-H", "mcp-protocol-version: 2025-06-18",
        ]  # fmt: skip
        path = "/mcp"
    before = running.cpu_seconds()
    output = printed(["h2load", *shape, "-n", str(calls), "-d", body, f"{scheme}://127.0.0.1:{running.port}{path}"])
    cpu = running.cpu_seconds() - before
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", output)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", output)
    if not (rate and counts) or int(counts[1]) != calls:
        raise SystemExit(f"h2load did not get {calls} answers:\n{output}")
    return {"rate": float(rate[1]), "cpu_us": cpu / calls * 1e6}


def handshakes(running: Running, seconds: float) -> dict:
    """New connections a second, one after the other, each with a full handshake of TLS 1.3, and the server's CPU for one."""
    before = running.cpu_seconds()
    process = subprocess.run(
        ["openssl", "s_time", "-connect", f"127.0.0.1:{running.port}", "-new", "-tls1_3", "-time", str(max(1, round(seconds)))],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    cpu = running.cpu_seconds() - before
    found = re.search(r"(\d+) connections in (\d+) real seconds", process.stdout)
    if not found or not int(found[1]):
        raise SystemExit(f"openssl s_time made no connection:\n{process.stdout}{process.stderr}")
    return {"rate": int(found[1]) / int(found[2]), "cpu_us": cpu / int(found[1]) * 1e6}


def mcp_request() -> bytes:
    """The call of the gRPC rows, as the reference's client makes it over MCP."""
    from google.protobuf import json_format

    from peers import pb2

    message = pb2.InvokeHookRequest.FromString(request_message())
    arguments = {
        "hook_type": message.hook_type, "plugin_name": message.plugin_name,
        "payload": json_format.MessageToDict(message.payload),
        "context": {
            "global_context": {"request_id": message.context.global_context.request_id},
            "state": json_format.MessageToDict(message.context.state),
            "metadata": json_format.MessageToDict(message.context.metadata),
        },
    }  # fmt: skip
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "invoke_hook", "arguments": arguments}}
    return json.dumps(call).encode()


def check(running: Running, body: bytes) -> None:
    """Fails unless the call of the MCP rows is answered by the plugin."""
    import ssl
    import urllib.request

    context = None
    if "TLS" in running.name:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    scheme = "https" if context else "http"
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    headers["mcp-protocol-version"] = "2025-06-18"
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{running.port}/mcp", body, headers)
    with urllib.request.urlopen(request, timeout=60, context=context) as answer:
        text = answer.read().decode()
    if "continue_processing" not in text or "isError\\\":true" in text:
        raise SystemExit(f"the server answers wrongly: {text}")


def measure(options: Options) -> tuple[list[Row], list[dict]]:
    certs("plugin", "bench", folder=options.folder)
    files = holder(options.folder, "plugins/bench", "server")
    rows, details = [], []
    for transport in ("grpc", "http"):
        encoded = request_message()
        content = b"\0" + len(encoded).to_bytes(4, "big") + encoded if transport == "grpc" else mcp_request()
        body = f"{options.folder}/{transport}.bin"
        with open(body, "wb") as file:
            file.write(content)
        running: dict[str, Running] = {}
        try:
            for each in (candidate(transport, files), candidate(transport, None)):
                running[each.name] = Running(each, "tcp", options.folder)
                running[each.name].name = each.name
                if transport == "http":
                    check(running[each.name], content)
            calls = {}
            for name, server in running.items():
                probe = load(server, transport, body, 2_000)
                calls[name] = max(2_000, int(probe["rate"] * options.seconds))
            samples = by_turns(
                list(running), options.rounds, lambda name: load(running[name], transport, body, calls[name])
            )
            secured, plain = samples[f"{transport} TLS"], samples[f"{transport} plain"]
            path = f"{'gRPC' if transport == 'grpc' else 'MCP/HTTP'} server over TLS 1.3, 32 in flight"
            details.append({"path": path, "samples": samples})
            for figure, unit, smaller in (("rate", "calls/s", False), ("cpu_us", "us CPU/call", True)):
                ours, theirs = [each[figure] for each in secured], [each[figure] for each in plain]
                ratio = median_ratio(ours, theirs, smaller_is_better=smaller)
                rows.append(Row(path, unit, median(ours), "plain text", median(theirs), ratio))
            taken = [handshakes(running[f"{transport} TLS"], options.seconds) for _ in range(options.rounds)]
            path = f"{'gRPC' if transport == 'grpc' else 'MCP/HTTP'} server, full handshakes (TLS 1.3, P-256)"
            details.append({"path": path, "samples": taken})
            rows.append(Row(path, "1/s", median([each["rate"] for each in taken]), "", None, None))
            rows.append(Row(path, "us CPU", median([each["cpu_us"] for each in taken]), "", None, None))
        finally:
            for server in running.values():
                server.stop()
    return rows, details

