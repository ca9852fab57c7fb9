# SPDX-License-Identifier: Apache-2.0
"""An MCP server of the Python SDK 1.x with every kind of content; over stdio, or over HTTP on the port given: with `sse` behind it
the older way; with certfile, keyfile, ca_bundle and a number of Python's ssl.VerifyMode behind it, over HTTPS."""

import asyncio
import base64
import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import (
    AudioContent,
    Completion,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel

server = FastMCP("peer", host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0, log_level="ERROR")
PIXEL = base64.b64encode(bytes(range(256))).decode()


@server.tool()
def echo(text: str) -> str:
    return text


@server.tool()
def fail(text: str) -> str:
    raise ValueError(text)


@server.tool()
async def steps(count: int, context: Context) -> str:
    for number in range(1, count + 1):
        await context.report_progress(number, count, f"step {number}")
        await context.info(f"at {number}")
    return "done"


@server.tool()
async def pace(count: int, seconds: float, context: Context) -> str:
    for number in range(1, count + 1):
        await context.report_progress(number, count)
        await asyncio.sleep(seconds)
    return "done"


released = asyncio.Event()


@server.tool()
async def hold() -> str:
    await released.wait()
    released.clear()
    return "held"


@server.tool()
async def release() -> str:
    released.set()
    return "released"


class Person(BaseModel):
    name: str
    ssn: str


@server.tool()
def person() -> Person:
    return Person(name="Ada", ssn="123-45-6789")


@server.tool(structured_output=False)
def everything() -> list:
    return [
        TextContent(type="text", text="text"),
        ImageContent(type="image", data=PIXEL, mimeType="image/png"),
        AudioContent(type="audio", data=PIXEL, mimeType="audio/wav"),
        EmbeddedResource(type="resource", resource=TextResourceContents(uri="note://a", text="embedded")),
        ResourceLink(type="resource_link", uri="note://b", name="b"),
    ]


@server.tool()
async def ask(context: Context) -> str:
    class Answer(BaseModel):
        color: str

    answer = await context.elicit("Which colour?", Answer)
    return answer.data.color if answer.action == "accept" else answer.action


@server.resource("note://hello")
def hello() -> str:
    return "hello"


@server.resource("note://{name}/text")
def note(name: str) -> str:
    return f"note of {name}"


@server.resource("bytes://all", mime_type="application/octet-stream")
def all_bytes() -> bytes:
    return bytes(range(256))


@server.prompt()
def greet(who: str) -> str:
    return f"Greet {who}"


@server.completion()
async def complete(ref, argument, context):
    return Completion(values=[f"{argument.value}{letter}" for letter in "abc"])


if len(sys.argv) > 3:
    import uvicorn

    certfile, keyfile, ca_bundle, requirement = sys.argv[2:]
    uvicorn.run(
        server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error", ssl_certfile=certfile,
        ssl_keyfile=keyfile, ssl_ca_certs=ca_bundle, ssl_cert_reqs=int(requirement),
    )
else:
    server.run(["stdio", "streamable-http", "sse"][len(sys.argv) - 1])
