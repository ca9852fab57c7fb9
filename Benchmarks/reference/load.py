# SPDX-License-Identifier: Apache-2.0
"""The reference's own gRPC client, a number of calls at a time; prints how many it made as JSON."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "Interop"))

import peers  # noqa: E402


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--target")
    parser.add_argument("--uds")
    parser.add_argument("--plugin", default="NoOp")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--payload", default='{"name":"search","args":{"query":"swift"}}')
    arguments = parser.parse_args()

    where = {"uds": arguments.uds} if arguments.uds else {"target": arguments.target}
    client = peers.GrpcExternalPlugin(
        peers.PluginConfig(name=arguments.plugin, kind="external", grpc=peers.GRPCClientConfig(**where))
    )
    await client.initialize()
    payload = peers.payload_for("tool_pre_invoke", json.loads(arguments.payload))
    calls = 0
    start = time.monotonic()
    end = start + arguments.seconds

    async def work() -> None:
        nonlocal calls
        while time.monotonic() < end:
            result = await client.invoke_hook("tool_pre_invoke", payload, peers.context())
            assert result.continue_processing
            calls += 1

    await asyncio.gather(*(work() for _ in range(arguments.in_flight)))
    print(json.dumps({"calls": calls, "failures": 0, "seconds": time.monotonic() - start}))
    await client.shutdown()


asyncio.run(main())
