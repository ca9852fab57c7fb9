# SPDX-License-Identifier: Apache-2.0
"""A server made with the SDK of this environment: over stdio, or over HTTP when a port is given."""

import asyncio
import sys

import sdk

if sdk.IS_V1:
    from mcp.server.fastmcp import Context, FastMCP

    server = FastMCP("python", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
else:
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("python")


@server.tool()
def echo(text: str) -> str:
    """Says what it is told."""
    return text


@server.tool()
async def slow(steps: int, ctx: Context) -> str:
    """Reports progress."""
    for step in range(steps):
        await asyncio.sleep(0.02)
        await ctx.report_progress(step + 1, steps)
    return "done"


@server.tool()
async def hang() -> str:
    """Never answers."""
    await asyncio.sleep(3600)
    return "never"


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("as asked")


@server.prompt()
def greeting(name: str) -> str:
    """Greets."""
    return f"Hello {name}"


@server.resource("python://readme")
def readme() -> str:
    """A text."""
    return "read me"


if len(sys.argv) > 1:
    if sdk.IS_V1:
        server.run(transport="streamable-http")
    else:
        server.run(transport="streamable-http", port=int(sys.argv[1]))
else:
    server.run()
