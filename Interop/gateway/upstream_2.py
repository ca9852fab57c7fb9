# SPDX-License-Identifier: Apache-2.0
"""An MCP server of the Python SDK 2.x, which speaks revision 2026-07-28 and those with a handshake; over stdio, or over HTTP on the
port given."""

import asyncio
import sys
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp.types import Completion
from pydantic import BaseModel

server = MCPServer("peer", log_level="ERROR")
cancelled = 0


@server.tool()
def echo(text: str) -> str:
    return text


@server.tool()
def revision(context: Context) -> str:
    """What the gateway speaks with this server."""
    return context.protocol_version


@server.tool()
async def steps(count: int, context: Context) -> str:
    for number in range(1, count + 1):
        await context.report_progress(number, count, f"step {number}")
        await context.info(f"at {number}")
    return "done"


@server.tool()
async def wait(context: Context) -> str:
    """Waits until it is cancelled; its progress tells that it has begun."""
    global cancelled
    try:
        await context.report_progress(1, 2)
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        cancelled += 1
        raise
    return "never"


@server.tool()
def count_cancelled() -> int:
    return cancelled


class Colour(BaseModel):
    color: str


def which(subject: str) -> Elicit[Colour]:
    return Elicit(f"Which colour has {subject}?", Colour)


@server.tool()
def ask(subject: str, answer: Annotated[Colour, Resolve(which)]) -> str:
    return f"{subject}: {answer.color}"


@server.tool()
async def touch(uri: str, context: Context) -> str:
    await context.notify_resource_updated(uri)
    return "touched"


@server.resource("note://hello")
def hello() -> str:
    return "hello"


@server.resource("note://{name}/text")
def note(name: str) -> str:
    return f"note of {name}"


@server.prompt()
def greet(who: str) -> str:
    return f"Greet {who}"


@server.completion()
async def complete(ref, argument, context):
    return Completion(values=[f"{argument.value}{letter}" for letter in "abc"])


if len(sys.argv) > 1:
    server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
else:
    server.run()
