# SPDX-License-Identifier: Apache-2.0
"""Both eras of MCP on both sides of the gateway: clients and servers with a handshake, and those of revision 2026-07-28."""

import asyncio
import subprocess

import conftest
import pytest
import sdk_servers

import sdk

MODERN = "2026-07-28"
#: The eras that the client speaks.
MODES = pytest.mark.parametrize("mode", sdk.MODES)
#: Servers behind the gateway, and the revision in which it speaks with them.
SERVERS = {"old": None, "new": MODERN, "program": MODERN, "told": "2025-11-25"}
EVERY = pytest.mark.parametrize("server", SERVERS)
#: Those made with the SDK's second generation.
SECOND = pytest.mark.parametrize("server", [name for name in SERVERS if name != "old"])


def text(result):
    return result["content"][0]["text"]


async def eventually(condition):
    async with asyncio.timeout(conftest.LIVENESS):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eras")
    python, port = conftest.python("2.3.0"), conftest.free_port()
    script = str(conftest.HERE / "upstream_2.py")
    web = subprocess.Popen([python, script, str(port)], env=conftest.environment())
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        running = conftest.Gateway(
            folder,
            {
                "mcpServers": {
                    "old": {"command": conftest.python("1.30.0"), "args": [str(conftest.HERE / "upstream.py")]},
                    "new": {"url": url},
                    "program": {"command": python, "args": [script]},
                    "told": {"url": url, "protocol": "handshake"},
                }
            },
        )
        yield running
        running.stop()
    finally:
        sdk_servers.end(web)


def ask_arguments(server):
    return {} if server == "old" else {"subject": "it"}


@SECOND
async def test_the_gateway_speaks_the_newest_revision_of_a_server_unless_it_is_told(gateway, server):
    async with sdk.connect(url=gateway.url()) as peer:
        assert text(await peer.call(f"{server}-revision")) == SERVERS[server]


@EVERY
@MODES
async def test_tools_prompts_resources_and_completion(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), mode=mode) as peer:
        assert peer.revision == (MODERN if mode == "auto" else "2025-11-25")
        assert f"{server}-echo" in await peer.tools()
        assert text(await peer.call(f"{server}-echo", {"text": "grüße\u2028"})) == "grüße\u2028"
        assert f"{server}-greet" in await peer.prompts()
        prompt = await peer.prompt(f"{server}-greet", {"who": "Ada"})
        assert prompt["messages"][0]["content"]["text"] == "Greet Ada"
        assert f"{server}+note://hello" in await peer.resources()
        assert f"{server}+note://{{name}}/text" in await peer.templates()
        assert (await peer.read(f"{server}+note://hello"))["contents"][0]["text"] == "hello"
        assert (await peer.read(f"{server}+note://ada/text"))["contents"][0]["text"] == "note of ada"
        reference = {"type": "ref/prompt", "name": f"{server}-greet"}
        assert await peer.complete(reference, "who", "x") == ["xa", "xb", "xc"]


@EVERY
@MODES
async def test_progress_and_log_messages(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), mode=mode) as peer:
        progress = []
        assert text(await peer.call(f"{server}-steps", {"count": 3}, progress)) == "done"
        await conftest.heard(progress, 3)
        assert progress == [(n, 3, f"step {n}") for n in (1, 2, 3)]
        # On the lines of a program that all clients share, nothing tells whose call a log message of 2026-07-28 is about.
        expected = [] if server == "program" else [f"at {n}" for n in (1, 2, 3)]
        await conftest.heard(peer.logs, len(expected))
        assert peer.logs == expected


@EVERY
@MODES
async def test_questions(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), elicitation={"color": "green"}, mode=mode) as peer:
        for _ in range(2):
            answer = text(await peer.call(f"{server}-ask", ask_arguments(server)))
            assert answer.endswith("green")


@EVERY
@MODES
async def test_who_cannot_be_asked_gets_an_error_and_goes_on(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), mode=mode) as peer:
        try:
            assert (await peer.call(f"{server}-ask", ask_arguments(server)))["isError"]
        except sdk.error() as error:
            assert "elicitation" in str(error).lower()
        assert text(await peer.call(f"{server}-echo", {"text": "on"})) == "on"


@SECOND
@MODES
@pytest.mark.skipif(not sdk.IS_MODERN, reason="clients of the first generation tell nobody that they have given up")
async def test_cancellation(gateway, server, mode):
    async with sdk.connect(url=gateway.url(), mode=mode) as peer:

        async def cancelled():
            return int(text(await peer.call(f"{server}-count_cancelled")))

        before, progress = await cancelled(), []
        call = asyncio.create_task(peer.call(f"{server}-wait", {}, progress))

        async def has_begun():
            return bool(progress)

        await eventually(has_begun)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        async def is_cancelled():
            return await cancelled() == before + 1

        await eventually(is_cancelled)


@pytest.mark.parametrize("server", ["new", "program"])
@MODES
async def test_changes_of_a_resource(gateway, server, mode):
    uri = f"{server}+note://hello"
    async with sdk.connect(url=gateway.url(), mode=mode) as peer, peer.listening(uri):

        async def is_told():
            await peer.call(f"{server}-touch", {"uri": "note://hello"})
            return any(
                message["method"] == "notifications/resources/updated" and message["params"]["uri"] == uri
                for message in peer.messages
            )

        # The gateway begins to listen at the server when it is asked to, which takes as long as it does.
        await eventually(is_told)
