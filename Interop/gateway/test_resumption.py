# SPDX-License-Identifier: Apache-2.0
"""Connections that are cut: between a client and the gateway, and between the gateway and a server behind it."""

import asyncio

import conftest
import pytest
from relay import Relay

import sdk


def text(result):
    return result["content"][0]["text"]


@pytest.fixture(scope="module")
def demo():
    """Our own server, over HTTP."""
    process = conftest.subprocess.Popen(
        [conftest.gatehouse(), "demo-server", "--port", "0"],
        stdin=conftest.subprocess.DEVNULL, stdout=conftest.subprocess.PIPE, text=True, env=conftest.environment(),
    )
    yield process.stdout.readline().removeprefix("READY").strip()
    process.terminate()
    assert process.wait(conftest.LIVENESS) == 0


async def test_a_call_survives_the_loss_of_its_clients_connection(gateway):
    async with Relay(gateway.url()) as relay, sdk.connect(url=relay.url, mode="legacy") as peer:
        progress = []
        call = asyncio.create_task(peer.call("peer-pace", {"count": 8, "seconds": 0.3}, progress))
        await conftest.heard(progress, 2)
        relay.cut()
        assert text(await call) == "done"
        await conftest.heard(progress, 8)
        assert [done for done, _, _ in progress] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert any(b"last-event-id: c" in request.lower() for request in relay.requests)


async def test_a_call_survives_the_loss_of_the_connection_behind_the_gateway(demo, tmp_path):
    async with Relay(demo) as relay:
        # Waiting for the gateway must not hold up the relay.
        # Streams of revision 2026-07-28 cannot be gone on with.
        servers = {"demo": {"url": relay.url, "protocol": "handshake"}}
        gateway = await asyncio.to_thread(conftest.Gateway, tmp_path, {"mcpServers": servers})
        try:
            async with sdk.connect(url=gateway.url(), mode="legacy") as peer:
                progress = []
                call = asyncio.create_task(peer.call("demo-slow", {"steps": 8, "delay_ms": 300}, progress))
                await conftest.heard(progress, 2)
                relay.cut()
                assert text(await call) == "done in 8 steps"
                await conftest.heard(progress, 8)
                assert [done for done, _, _ in progress] == [1, 2, 3, 4, 5, 6, 7, 8]
        finally:
            await asyncio.to_thread(gateway.stop)
