# SPDX-License-Identifier: Apache-2.0
"""The Python SDK's clients of both generations behind one face: results are dictionaries as they are on the wire."""

import importlib.metadata
from contextlib import asynccontextmanager
from datetime import timedelta

VERSION = importlib.metadata.version("mcp")
IS_V1 = VERSION.startswith("1.")

if IS_V1:
    from mcp import ClientSession, StdioServerParameters, types
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamablehttp_client
    from mcp.shared.exceptions import McpError as SDKError
else:
    import mcp_types as types
    from mcp import Client, StdioServerParameters
    from mcp.shared.exceptions import MCPError as SDKError

#: How a client begins: the first generation knows one way, the second probes first, or is told not to.
MODES = ["legacy"] if IS_V1 else ["legacy", "auto"]

__all__ = ["IS_V1", "MODES", "Heard", "SDKError", "VERSION", "connect", "types", "wire"]


def wire(model) -> dict:
    """A model as it is on the wire."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class Heard:
    """What a client was told or asked beside its results."""

    def __init__(self):
        self.messages: list[dict] = []
        self.logs: list[dict] = []
        self.asked: list[dict] = []

    @property
    def methods(self) -> list[str]:
        """Of the messages, in order."""
        return [message["method"] for message in self.messages]

    async def message(self, message) -> None:
        root = getattr(message, "root", message)
        if hasattr(root, "method"):
            self.messages.append(wire(root))

    async def log(self, params) -> None:
        self.logs.append(wire(params))

    async def elicit(self, context, params):
        self.asked.append(wire(params))
        return types.ElicitResult(action="accept", content={"answer": "because"})

    async def sample(self, context, params):
        self.asked.append(wire(params))
        return types.CreateMessageResult(
            role="assistant", content=types.TextContent(type="text", text="sampled"), model="none"
        )

    async def roots(self, context):
        self.asked.append({})
        return types.ListRootsResult(roots=[types.Root(uri="file:///somewhere", name="somewhere")])


class Session:
    """A session with a server."""

    def __init__(self, session, initialized: dict, heard: Heard):
        self._session = session
        self.initialized = initialized
        self.heard = heard

    async def tools(self) -> list[dict]:
        return await self._all(self._session.list_tools, "tools")

    async def prompts(self) -> list[dict]:
        return await self._all(self._session.list_prompts, "prompts")

    async def resources(self) -> list[dict]:
        return await self._all(self._session.list_resources, "resources")

    async def templates(self) -> list[dict]:
        return await self._all(self._session.list_resource_templates, "resourceTemplates")

    async def _all(self, method, name: str) -> list[dict]:
        items, cursor = [], None
        while True:
            page = wire(await (method(cursor=cursor) if cursor is not None else method()))
            items += page[name]
            cursor = page.get("nextCursor")
            if cursor is None:
                return items

    async def call(self, name: str, arguments: dict | None = None, progress=None, timeout: float | None = None) -> dict:
        if IS_V1:
            limit = timedelta(seconds=timeout) if timeout is not None else None
            result = await self._session.call_tool(name, arguments or {}, limit, progress)
        else:
            result = await self._session.call_tool(name, arguments or {}, timeout, progress)
        return wire(result)

    async def prompt(self, name: str, arguments: dict) -> dict:
        return wire(await self._session.get_prompt(name, arguments))

    async def read(self, uri: str) -> dict:
        return wire(await self._session.read_resource(uri))

    async def complete(self, ref: dict, argument: dict) -> dict:
        if ref["type"] == "ref/prompt":
            reference = types.PromptReference(type="ref/prompt", name=ref["name"])
        else:
            reference = types.ResourceTemplateReference(type="ref/resource", uri=ref["uri"])
        return wire(await self._session.complete(reference, argument))

    @property
    def is_modern(self) -> bool:
        """Whether there is no session on the wire: each request stands alone (revision 2026-07-28)."""
        return self.initialized["protocolVersion"] >= "2026-07-28"

    @asynccontextmanager
    async def listening(self, *uris: str, tools: bool = False):
        """Has the server tell of changes, in the way of the revision; what it tells is in `heard.messages`."""
        if self.is_modern:
            async with self._session.listen(tools_list_changed=tools, resource_subscriptions=uris) as subscription:
                yield subscription
            return
        for uri in uris:
            await self._session.subscribe_resource(uri)
        yield None
        for uri in uris:
            await self._session.unsubscribe_resource(uri)

    async def set_level(self, level: str) -> None:
        """Only in a session: a client without one says the level as it connects."""
        await self._session.set_logging_level(level)

    async def ping(self) -> None:
        await self._session.send_ping()


@asynccontextmanager
async def connect(
    target: str | list[str], mode: str = "legacy", headers: dict | None = None, log_level: str | None = None
):
    """A session with the server at a URL, or with the one that a command starts.

    `log_level` is said with each request of revision 2026-07-28; other revisions know nothing of it.
    """
    heard = Heard()
    if IS_V1:
        if isinstance(target, str):
            transport = streamablehttp_client(target, headers=headers)
        else:
            transport = stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
        async with transport as streams:
            async with ClientSession(
                streams[0],
                streams[1],
                sampling_callback=heard.sample,
                elicitation_callback=heard.elicit,
                list_roots_callback=heard.roots,
                logging_callback=heard.log,
                message_handler=heard.message,
            ) as session:
                yield Session(session, wire(await session.initialize()), heard)
    else:
        server = target if isinstance(target, str) else StdioServerParameters(command=target[0], args=target[1:])
        async with Client(
            server,
            mode=mode,
            log_level=log_level,
            sampling_callback=heard.sample,
            elicitation_callback=heard.elicit,
            list_roots_callback=heard.roots,
            logging_callback=heard.log,
            message_handler=heard.message,
        ) as client:
            initialized = {
                "protocolVersion": client.protocol_version,
                "serverInfo": wire(client.server_info),
                "capabilities": wire(client.server_capabilities),
                "instructions": client.instructions,
            }
            yield Session(client, initialized, heard)
