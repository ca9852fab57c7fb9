# SPDX-License-Identifier: Apache-2.0
"""The SDK's client goes on with our streams when its connection is cut."""

import asyncio

from relay import Relay
from test_sdk_client import eventually

import sdk


async def test_a_call_survives_the_loss_of_its_connection(demo_url):
    async with Relay(demo_url) as relay, sdk.connect(relay.url, "legacy") as session:
        progress = []

        async def heard(done, total, message):
            progress.append(done)

        call = asyncio.create_task(session.call("slow", {"steps": 8, "delay_ms": 300}, heard))
        await eventually(lambda: len(progress) >= 2)
        relay.cut()
        result = await call
        assert result["content"][0]["text"] == "done in 8 steps"
        assert progress == [1, 2, 3, 4, 5, 6, 7, 8], "nothing is lost, and nothing comes twice"
        assert any(b"last-event-id: c" in request.lower() for request in relay.requests)


async def test_the_stream_of_notifications_goes_on(demo_url):
    async with Relay(demo_url) as relay, sdk.connect(relay.url, "legacy") as session:
        # A client that had not read the stream's first id when the connection was cut would have nothing to go on from, and the SDK's
        # comes back once only.
        await eventually(lambda: any(b"id: g" in answer for answer in relay.answers))
        await session.call("echo", {"text": "another way there and back, so that the first id has been read meanwhile"})
        relay.cut()
        await eventually(lambda: any(b"last-event-id: g" in request.lower() for request in relay.requests))
        await session.call("announce", {})
        await eventually(
            lambda: any(message["method"] == "notifications/tools/list_changed" for message in session.heard.messages)
        )
