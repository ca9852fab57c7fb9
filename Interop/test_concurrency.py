# SPDX-License-Identifier: Apache-2.0
"""Many calls at once, and a server that goes away and comes back under a live client."""

import asyncio
import random
import time

import pytest

import peers
from servers import LIVENESS

PRE = "tool_pre_invoke"


def tool(name: str = "search", **arguments):
    return peers.payload_for(PRE, {"name": name, "args": arguments})


async def test_200_concurrent_calls_each_get_their_own_answer(server, connect):
    sleep, remember = await connect(server, "Sleep"), await connect(server, "Remember")
    rng = random.Random(7)

    async def call(number: int):
        context = peers.context(request_id=f"request-{number}")
        filler = "x" * rng.randrange(20_000)
        payload = tool(f"tool-{number}", number=number, filler=filler, seconds=rng.random() / 20)
        result = await sleep.invoke_hook(PRE, payload, context)
        assert result.modified_payload.name == f"tool-{number}"
        assert result.modified_payload.args["number"] == number
        assert result.modified_payload.args["filler"] == filler
        await remember.invoke_hook(PRE, payload, context)
        assert context.state == {"calls": 1, "tool": f"tool-{number}"}

    await asyncio.gather(*(call(number) for number in range(200)))


async def test_200_clients_at_once_are_served(tcp, channel):
    request = peers.pb2.InvokeHookRequest(hook_type=PRE, plugin_name="Echo")

    async def call(number: int):
        message = peers.pb2.InvokeHookRequest()
        message.CopyFrom(request)
        message.payload.update({"name": f"tool-{number}", "args": {}})
        stub = peers.pb2_grpc.PluginServiceStub(channel(tcp))
        answer = await stub.InvokeHook(message, wait_for_ready=True, timeout=LIVENESS)
        assert answer.result["modified_payload"]["name"] == f"tool-{number}"

    await asyncio.gather(*(call(number) for number in range(200)))


async def test_cancelled_calls_leave_the_others_alone(server, connect):
    client = await connect(server, "Sleep")
    kept = [asyncio.create_task(client.invoke_hook(PRE, tool(n=n, seconds=1.0), peers.context())) for n in range(50)]
    dropped = [asyncio.create_task(client.invoke_hook(PRE, tool(n=n, seconds=2.0), peers.context())) for n in range(50)]
    await asyncio.sleep(0.2)
    for call in dropped:
        call.cancel()
    results = await asyncio.gather(*kept)
    assert [result.modified_payload.args["n"] for result in results] == list(range(50))
    outcomes = await asyncio.gather(*dropped, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


async def eventually(client) -> None:
    """Waits until a call through the client succeeds again."""
    end = time.monotonic() + LIVENESS
    while True:
        try:
            result = await client.invoke_hook(PRE, tool(back=True), peers.context())
        except peers.PluginError:
            assert time.monotonic() < end, "the client never got through again"
            await asyncio.sleep(0.1)
        else:
            assert result.modified_payload.args == {"back": True}
            return


@pytest.mark.parametrize("transport", ["tcp", "uds"])
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_live_client_survives_a_restart_of_the_server(start, connect, folder, transport, end):
    options = {"uds": folder / "r.sock"} if transport == "uds" else {}
    first = start(**options)
    client = await connect(first, "Echo")
    await eventually(client)

    getattr(first, end)()
    with pytest.raises(peers.PluginError):
        await client.invoke_hook(PRE, tool(), peers.context())

    start(**(options or {"port": first.port}))
    await eventually(client)
