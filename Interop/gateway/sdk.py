# SPDX-License-Identifier: Apache-2.0
"""A client of whichever generation of the SDK this is, with results as plain JSON."""

import contextlib
from importlib.metadata import version

IS_MODERN = version("mcp").startswith("2.")
#: How a client of this generation finds out what a server speaks: revision 2026-07-28 if it knows it, or `initialize` at once.
MODES = ["auto", "legacy"] if IS_MODERN else ["legacy"]


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


class Peer:
    """What tests need of a client, the same for both generations."""

    def __init__(self, session, revision, logs, messages):
        self.session = session
        self.revision = revision
        self.logs = logs
        #: What came beside results and log messages.
        self.messages = messages

    @contextlib.asynccontextmanager
    async def listening(self, uri):
        """Has the server tell of changes of a resource, in the way of the revision."""
        if self.revision >= "2026-07-28":
            async with self.session.listen(resource_subscriptions=[uri]):
                yield
            return
        await self.session.subscribe_resource(uri)
        yield
        await self.session.unsubscribe_resource(uri)

    async def call(self, name, arguments=None, progress=None):
        async def heard(done, total, message):
            progress.append((done, total, message))

        return plain(
            await self.session.call_tool(
                name, arguments or {}, progress_callback=heard if progress is not None else None
            )
        )

    async def tools(self):
        return [tool.name for tool in (await self.session.list_tools()).tools]

    async def prompts(self):
        return [prompt.name for prompt in (await self.session.list_prompts()).prompts]

    async def resources(self):
        return sorted(str(resource.uri) for resource in (await self.session.list_resources()).resources)

    async def templates(self):
        return [
            template["uriTemplate"]
            for template in plain(await self.session.list_resource_templates())["resourceTemplates"]
        ]

    async def read(self, uri):
        return plain(await self.session.read_resource(uri))

    async def prompt(self, name, arguments):
        return plain(await self.session.get_prompt(name, arguments))

    async def complete(self, reference, name, value):
        if IS_MODERN:
            from mcp.types import PromptReference, ResourceTemplateReference
        else:
            from mcp.types import PromptReference, ResourceTemplateReference
        kind = PromptReference if reference["type"] == "ref/prompt" else ResourceTemplateReference
        result = plain(await self.session.complete(kind(**reference), {"name": name, "value": value}))
        return result["completion"]["values"]


def error():
    """What an error of the protocol is raised as."""
    from mcp.shared import exceptions

    return exceptions.MCPError if IS_MODERN else exceptions.McpError


def over_http(url, headers, auth, verify=None):
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    client = create_mcp_http_client(headers=headers, auth=auth)
    if verify is not None:
        # The SDK's own client, but for what it trusts: of another package in each generation.
        client = type(client)(
            headers=headers, auth=auth, verify=verify, timeout=client.timeout, follow_redirects=client.follow_redirects
        )
    return streamable_http_client(url, http_client=client)


@contextlib.asynccontextmanager
async def connect(url=None, command=None, elicitation=None, headers=None, auth=None, verify=None, mode=None):
    """A client of the gateway at a URL (with headers, a way to get tokens, or what to trust), or of the one that a command starts.

    `mode` is how a client of the second generation begins: "legacy" with `initialize`; it probes first if it is not told.
    """
    logs, messages = [], []

    async def log(message):
        logs.append(message.data)

    async def hear(message):
        message = getattr(message, "root", message)
        if hasattr(message, "method"):
            messages.append(plain(message))

    async def elicit(*arguments):
        from mcp.types import ElicitResult

        return ElicitResult(action="accept", content=elicitation)

    callbacks = {"logging_callback": log, "message_handler": hear}
    if elicitation is not None:
        callbacks["elicitation_callback"] = elicit
    if IS_MODERN:
        from mcp import Client, StdioServerParameters

        target = over_http(url, headers, auth, verify) if url else StdioServerParameters(command=command[0], args=command[1:])
        # Without a level, a server of revision 2026-07-28 tells no log messages.
        async with Client(target, mode=mode or MODES[0], log_level="info", **callbacks) as client:
            yield Peer(client, client.protocol_version, logs, messages)
        return

    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    transport = (
        over_http(url, headers, auth, verify)
        if url
        else stdio_client(StdioServerParameters(command=command[0], args=command[1:]))
    )
    async with transport as streams, ClientSession(streams[0], streams[1], **callbacks) as session:
        initialized = await session.initialize()
        yield Peer(session, initialized.protocolVersion, logs, messages)
