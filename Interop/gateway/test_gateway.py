# SPDX-License-Identifier: Apache-2.0
"""Clients of the SDK through the gateway, real servers of the SDK behind it."""

import asyncio
import base64

import conftest
import pytest

import sdk

PIXEL = base64.b64encode(bytes(range(256))).decode()
#: A server behind the gateway that is a program, and one that speaks HTTP.
BOTH = pytest.mark.parametrize("server", ["peer", "web"])
#: The eras that the client speaks.
MODES = pytest.mark.parametrize("mode", sdk.MODES)


def text(result):
    return result["content"][0]["text"]


async def fast_overtakes_slow(peer, server):
    """A call that ends when another lets it, and one that ends meanwhile."""
    slow = asyncio.create_task(peer.call(f"{server}-hold"))
    await asyncio.sleep(0.1)
    assert text(await peer.call(f"{server}-echo", {"text": "fast"})) == "fast"
    assert not slow.done()
    await peer.call(f"{server}-release")
    assert text(await slow) == "held"


async def check_everything(peer):
    # A server that is slow to start is listed later.
    async with asyncio.timeout(conftest.LIVENESS):
        while not {"peer-echo", "time-get_current_time", "git-git_log"} <= set(tools := await peer.tools()):
            await asyncio.sleep(0.1)
    assert len(tools) == len(set(tools))
    assert text(await peer.call("peer-echo", {"text": "grüße\u2028"})) == "grüße\u2028"
    assert "UTC" in text(await peer.call("time-get_current_time", {"timezone": "UTC"}))
    assert "peer-greet" in await peer.prompts()
    prompt = await peer.prompt("peer-greet", {"who": "Ada"})
    assert prompt["messages"][0]["content"]["text"] == "Greet Ada"
    assert {"peer+bytes://all", "peer+note://hello"} <= set(await peer.resources())
    assert "peer+note://{name}/text" in await peer.templates()
    assert (await peer.read("peer+note://hello"))["contents"][0]["text"] == "hello"
    assert (await peer.read("peer+note://ada/text"))["contents"][0]["text"] == "note of ada"
    assert base64.b64decode((await peer.read("peer+bytes://all"))["contents"][0]["blob"]) == bytes(range(256))
    assert await peer.complete({"type": "ref/prompt", "name": "peer-greet"}, "who", "x") == ["xa", "xb", "xc"]


@MODES
async def test_everything_over_http(gateway, mode):
    async with sdk.connect(url=gateway.url(), mode=mode) as peer:
        await check_everything(peer)


@MODES
async def test_everything_over_stdio(stdio_command, mode):
    async with sdk.connect(command=stdio_command, mode=mode) as peer:
        await check_everything(peer)


@BOTH
async def test_every_content_type_comes_through_unharmed(gateway, server):
    async with sdk.connect(url=gateway.url()) as peer:
        content = (await peer.call(f"{server}-everything"))["content"]
        assert [block["type"] for block in content] == ["text", "image", "audio", "resource", "resource_link"]
        assert content[1]["data"] == content[2]["data"] == PIXEL
        assert content[3]["resource"]["uri"] == f"{server}+note://a"
        assert content[4]["uri"] == f"{server}+note://b"


@BOTH
@MODES
async def test_progress_and_log_messages_arrive(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), mode=mode) as peer:
        progress = []
        assert text(await peer.call(f"{server}-steps", {"count": 3}, progress)) == "done"
        await conftest.heard(progress, 3)
        await conftest.heard(peer.logs, 3)
        assert progress == [(n, 3, f"step {n}") for n in (1, 2, 3)]
        assert peer.logs == [f"at {n}" for n in (1, 2, 3)]


@BOTH
@MODES
async def test_a_question_of_a_server_reaches_its_client(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), elicitation={"color": "green"}, mode=mode) as peer:
        assert text(await peer.call(f"{server}-ask")) == "green"


async def test_a_failing_tool_is_a_result_and_an_unknown_one_an_error(gateway):
    async with sdk.connect(url=gateway.url()) as peer:
        result = await peer.call("peer-fail", {"text": "oh no"})
        assert result["isError"] and "oh no" in text(result)
        with pytest.raises(Exception, match="Unknown tool"):
            await peer.call("peer-none")
        assert text(await peer.call("peer-echo", {"text": "still there"})) == "still there"


@BOTH
async def test_fast_calls_overtake_slow_ones(gateway, server):
    async with sdk.connect(url=gateway.url()) as peer:
        await fast_overtakes_slow(peer, server)


async def test_many_clients_get_their_own_answers(gateway):
    async def client(number):
        async with sdk.connect(url=gateway.url()) as peer:
            for call in range(5):
                progress = []
                assert text(await peer.call("peer-echo", {"text": f"{number}/{call}"}, progress)) == f"{number}/{call}"

    await asyncio.gather(*(client(number) for number in range(8)))


async def test_plugins_mask_and_refuse(filtering):
    async with sdk.connect(url=filtering.url()) as peer:
        assert "123-45-6789" not in text(await peer.call("peer-echo", {"text": "SSN 123-45-6789"}))
        result = await peer.call("peer-person")
        assert "123-45-6789" not in str(result) and "Ada" in str(result)
        failed = await peer.call("peer-fail", {"text": "SSN 123-45-6789"})
        assert "123-45-6789" not in str(failed)
        prompt = await peer.prompt("peer-greet", {"who": "SSN 123-45-6789"})
        assert "123-45-6789" not in str(prompt)
        with pytest.raises(Exception, match="Plugin Violation"):
            await peer.call("peer-echo", {"text": "rm -rf / --no-preserve-root"})
        assert text(await peer.call("peer-echo", {"text": "ok"})) == "ok"


@pytest.mark.parametrize("server", ["asked", "found"])
async def test_a_server_of_the_older_transport(older, server):
    async with sdk.connect(url=older.url(), elicitation={"color": "red"}) as peer:
        assert {f"{server}-echo", f"{server}-steps"} <= set(await peer.tools())
        assert text(await peer.call(f"{server}-echo", {"text": "grüße\u2028"})) == "grüße\u2028"
        progress = []
        assert text(await peer.call(f"{server}-steps", {"count": 3}, progress)) == "done"
        await conftest.heard(progress, 3)
        assert [done for done, _, _ in progress] == [1, 2, 3]
        assert text(await peer.call(f"{server}-ask")) == "red"
        assert (await peer.read(f"{server}+note://hello"))["contents"][0]["text"] == "hello"
        prompt = await peer.prompt(f"{server}-greet", {"who": "Ada"})
        assert prompt["messages"][0]["content"]["text"] == "Greet Ada"
        await fast_overtakes_slow(peer, server)
