# SPDX-License-Identifier: Apache-2.0
"""The SDK's client against our server."""

import asyncio

import pytest

import sdk
from conftest import LIVENESS


def connected(demo, log_level: str | None = None):
    target, mode = demo
    return sdk.connect(target, mode, log_level=log_level)


async def eventually(condition):
    async with asyncio.timeout(LIVENESS):
        while not condition():
            await asyncio.sleep(0.01)


async def test_session_begins_in_the_latest_revision_both_know(demo):
    async with connected(demo) as session:
        revisions = {"legacy": "2025-11-25", "auto": "2026-07-28"}
        assert session.initialized["protocolVersion"] == revisions[demo[1]]
        assert session.initialized["serverInfo"]["name"] == "gatehouse-demo"
        assert session.initialized["capabilities"]["tools"]["listChanged"] is True
        assert session.initialized["instructions"]
        if not session.is_modern:
            await session.ping()


async def test_all_pages_of_all_lists(demo):
    async with connected(demo) as session:
        tools = await session.tools()
        assert {"echo", "add", "slow", "fail", "image"} <= {tool["name"] for tool in tools}
        assert len(tools) > 4, "more than one page"
        assert all(tool["inputSchema"]["type"] == "object" for tool in tools)
        assert tools[0]["inputSchema"]["$schema"] and tools[0]["inputSchema"]["additionalProperties"] is False
        assert [prompt["name"] for prompt in await session.prompts()] == ["greeting", "picture"]
        assert [resource["uri"] for resource in await session.resources()] == ["demo://readme", "demo://logo"]
        assert [template["uriTemplate"] for template in await session.templates()] == ["demo://notes/{name}"]


@pytest.mark.parametrize("text", ["", "plain", "ä €😀", "\u2028\u2029\u0085 line\nfeed\r\n\ttab", '"\\/', "x" * 300_000])
async def test_text_comes_back_as_it_was_sent(demo, text):
    async with connected(demo) as session:
        assert (await session.call("echo", {"text": text}))["content"] == [{"type": "text", "text": text}]


async def test_structured_content_keeps_its_schema_and_numbers(demo):
    async with connected(demo) as session:
        await session.tools()
        result = await session.call("add", {"a": 9007199254740993, "b": 1})
        assert result["structuredContent"] == {"sum": 9007199254740994}
        assert (await session.call("add", {"a": 0.5, "b": 1}))["structuredContent"] == {"sum": 1.5}


async def test_content_of_every_kind(demo):
    async with connected(demo) as session:
        content = (await session.call("mixed"))["content"]
        assert [part["type"] for part in content] == ["text", "image", "audio", "resource_link", "resource"]
        assert content[1]["mimeType"] == "image/png" and content[4]["resource"]["blob"] == content[1]["data"]


async def test_tool_failure_is_a_result_and_protocol_failure_an_error(demo):
    async with connected(demo) as session:
        assert (await session.call("fail"))["isError"] is True
        assert (await session.call("echo", {}))["isError"] is True
        with pytest.raises(sdk.SDKError) as error:
            await session.call("fail", {"kind": "protocol"})
        assert error.value.error.code == 1234 and error.value.error.data == {"kind": "protocol"}
        with pytest.raises(sdk.SDKError) as error:
            await session.call("no such tool")
        assert error.value.error.code == -32602


async def test_progress_is_heard_in_order_before_the_result(demo):
    async with connected(demo) as session:
        heard = []

        async def progress(done, total, message):
            heard.append((done, total, message))

        await session.call("slow", {"steps": 4, "delay_ms": 5}, progress=progress)
        assert heard == [(float(n), 4.0, f"step {n} of 4") for n in range(1, 5)]


async def test_abandoned_call_is_cancelled_and_the_session_goes_on(demo):
    async with connected(demo) as session:
        # The first generation tells nobody that it has given up, and stumbles over messages that come while it ends.
        if not session.is_modern:
            await session.set_level("emergency")
        with pytest.raises(sdk.SDKError):
            await session.call("slow", {"steps": 1000, "delay_ms": 50}, timeout=0.3)
        assert (await session.call("echo", {"text": "still here"}))["content"][0]["text"] == "still here"


async def test_calls_overtake_each_other(demo):
    async with connected(demo) as session:
        slow = asyncio.create_task(session.call("slow", {"steps": 1, "delay_ms": 3000}))
        await asyncio.sleep(0)
        await asyncio.gather(*(session.call("echo", {"text": str(n)}) for n in range(20)))
        assert not slow.done()
        assert (await slow)["content"][0]["text"] == "done in 1 steps"


async def test_prompts(demo):
    async with connected(demo) as session:
        prompt = await session.prompt("greeting", {"name": "Ada", "style": "formal"})
        assert prompt["messages"][0]["content"]["text"] == "Please write a formal greeting for Ada."
        for name, arguments in [("greeting", {}), ("none", {})]:
            with pytest.raises(sdk.SDKError) as error:
                await session.prompt(name, arguments)
            assert error.value.error.code == -32602


async def test_resources(demo):
    async with connected(demo) as session:
        assert "demo server" in (await session.read("demo://readme"))["contents"][0]["text"]
        assert (await session.read("demo://logo"))["contents"][0]["blob"]
        assert (await session.read("demo://notes/travel"))["contents"][0]["text"]
        with pytest.raises(sdk.SDKError) as error:
            await session.read("demo://nothing")
        assert error.value.error.code == (-32602 if session.is_modern else -32002)


async def test_completion(demo):
    async with connected(demo) as session:
        found = await session.complete({"type": "ref/prompt", "name": "greeting"}, {"name": "style", "value": "f"})
        assert found["completion"]["values"] == ["formal", "friendly", "funny"]
        found = await session.complete(
            {"type": "ref/resource", "uri": "demo://notes/{name}"}, {"name": "name", "value": "t"}
        )
        assert found["completion"]["values"] == ["travel"]


async def test_subscribers_hear_of_changes_and_nobody_else(demo):
    async def touched():
        return (await session.call("touch", {"uri": "demo://readme"}))["content"][0]["text"]

    async with connected(demo) as session:
        assert await touched() == "not subscribed"
        async with session.listening("demo://readme"):
            assert await touched() == "told"
            await eventually(lambda: "notifications/resources/updated" in session.heard.methods)
        async with asyncio.timeout(LIVENESS):
            # The end of a stream reaches the server when it does, not in the order of the calls.
            while await touched() != "not subscribed":
                await asyncio.sleep(0.01)


async def test_a_changed_list_is_announced_once(demo):
    async with connected(demo) as session:
        async with session.listening(tools=True):
            told = (await session.call("announce"))["content"][0]["text"]
            await eventually(lambda: session.heard.methods.count("notifications/tools/list_changed") == 1)
        # Of clients without sessions all see the same list, so that others may have had it changed before.
        assert ("extra" in {tool["name"] for tool in await session.tools()}) == (told == "extra is listed now")


async def test_log_messages_of_the_level_asked_for(demo):
    async with connected(demo, log_level="warning") as session:
        if not session.is_modern:
            await session.set_level("warning")
        await session.call("slow", {"steps": 2, "delay_ms": 1})
        assert session.heard.logs == []
    async with connected(demo, log_level="info") as session:
        if not session.is_modern:
            await session.set_level("info")
        await session.call("slow", {"steps": 3, "delay_ms": 1})
        await eventually(lambda: len(session.heard.logs) == 3)
        assert all(log["level"] == "info" and log["logger"] == "demo" for log in session.heard.logs)


async def test_without_a_level_a_client_without_session_gets_no_log_messages(demo):
    if demo[1] == "legacy":
        pytest.skip("a rule of revision 2026-07-28")
    async with connected(demo) as session:
        await session.call("slow", {"steps": 3, "delay_ms": 1})
        assert session.heard.logs == []


@pytest.mark.parametrize("what", ["elicitation", "sampling", "roots"])
async def test_the_server_asks_the_client(demo, what):
    async with connected(demo) as session:
        result = await session.call("ask", {"what": what, "text": "Why?"})
        assert not result.get("isError")
        assert {"elicitation": "because", "sampling": "sampled", "roots": "file:///somewhere"}[what] in result[
            "content"
        ][0]["text"]
        assert len(session.heard.asked) == 1


async def test_many_clients_with_the_same_ids_never_meet(demo_url):
    async def one(number: int):
        async with sdk.connect(demo_url) as session:
            for turn in range(10):
                text = f"{number}/{turn}"
                assert (await session.call("echo", {"text": text}))["content"][0]["text"] == text

    await asyncio.gather(*(one(number) for number in range(10)))
