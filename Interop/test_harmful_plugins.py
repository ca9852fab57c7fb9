# SPDX-License-Identifier: Apache-2.0
"""Plugins that break more than their call: the server tells which one it was."""

import asyncio
import contextlib

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import peers
import raw
from peers import pb2
from servers import LIVENESS


@pytest.mark.gatehouse
def test_crash_names_the_plugin_that_was_running(start):
    server = start()
    with contextlib.suppress(AssertionError), raw.Connection(server) as connection:
        connection.call(raw.message(raw.invoke("Crash")))
    assert server.wait() < 0, "ended by a signal"
    assert "Crash" in server.log()


@pytest.mark.gatehouse
async def test_plugin_that_stalls_its_loop_is_named_and_turns_health(start, channel):
    server = start()
    # Connections are spread over the loops: some of these watchers are on one that does not stall.
    watches = [
        health_pb2_grpc.HealthStub(channel(server)).Watch(health_pb2.HealthCheckRequest()) for _ in range(8)
    ]
    for watch in watches:
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    call = stub.InvokeHook(pb2.InvokeHookRequest.FromString(raw.invoke("Stall", seconds=6)))
    call = asyncio.ensure_future(call)

    async def turns(watch) -> list[int]:
        return [(await watch.read()).status, (await watch.read()).status]

    reads = [asyncio.ensure_future(turns(watch)) for watch in watches]
    done, _ = await asyncio.wait(reads, timeout=LIVENESS, return_when=asyncio.FIRST_COMPLETED)
    assert done, f"nobody was told; log:\n{server.log()}"
    for read in done:
        assert read.result() == [health_pb2.HealthCheckResponse.NOT_SERVING, health_pb2.HealthCheckResponse.SERVING]
    for read in reads:
        read.cancel()
    await asyncio.wait([call], timeout=LIVENESS)
    assert call.done()
    assert "Stall" in server.log()
