# SPDX-License-Identifier: Apache-2.0
"""The context: what a plugin sees of the request, and what it leaves for its next hook."""

import pytest
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

import peers
from peers import pb2

PRE, POST = "tool_pre_invoke", "tool_post_invoke"


def tool():
    return peers.payload_for(PRE, {"name": "search", "args": {"query": "swift"}})


def outcome():
    return peers.payload_for(POST, {"name": "search", "result": "found"})


async def inspect(server, connect, context) -> dict:
    result = await (await connect(server, "Inspect")).invoke_hook(PRE, tool(), context)
    return result.metadata["seen"]


async def test_plugin_sees_the_request(server, connect):
    seen = await inspect(
        server,
        connect,
        peers.context(
            request_id="r-1",
            tenant_id="tenant-1",
            server_id="server-1",
            global_state={"from": "another plugin"},
            global_metadata={"tool": {"name": "search", "tags": ["a"]}},
            state={"own": [1, 2]},
            metadata={"mine": None},
        ),
    )
    assert seen["request_id"] == "r-1"
    assert seen["tenant_id"] == "tenant-1"
    assert seen["server_id"] == "server-1"
    assert seen["global_state"] == {"from": "another plugin"}
    assert seen["global_metadata"] == {"tool": {"name": "search", "tags": ["a"]}}
    assert seen["state"] == {"own": [1, 2]}
    assert seen["metadata"] == {"mine": None}


async def test_absent_fields_of_the_request_are_absent(server, connect):
    seen = await inspect(server, connect, peers.context())
    assert seen["user"] is None and seen["user_kind"] == "none"
    assert seen["tenant_id"] is None and seen["server_id"] is None
    assert seen["global_state"] == {} and seen["state"] == {}


@pytest.mark.parametrize(
    ("user", "user_kind"),
    [
        ("ada@example.com", "string"),
        ("", "string"),
        ("Ünïcode 日本", "string"),
        ({"email": "ada@example.com", "teams": ["a", "b"], "is_admin": True, "more": {"n": 1}}, "object"),
        ({}, "object"),
    ],
)
async def test_user_arrives_as_what_it_was(server, connect, user, user_kind):
    context = peers.context(user=user)
    seen = await inspect(server, connect, context)
    if user == {}:
        # The client marks an empty object by nothing: for the server there is no user.
        assert seen["user_kind"] in ("none", "object") and not seen["user"]
    else:
        assert seen["user_kind"] == user_kind and seen["user"] == user
    assert context.global_context.user == user


async def test_state_reaches_the_post_hook(server, connect):
    client = await connect(server, "Remember")
    context = peers.context(user="ada", global_metadata={"k": "v"})
    await client.invoke_hook(PRE, tool(), context)
    assert context.state == {"calls": 1, "tool": "search"}
    assert context.metadata == {"note": "from pre"}
    assert context.global_context.state == {"shared": {"by": "Remember", "order": [1, 2]}}
    assert context.global_context.user == "ada"
    assert context.global_context.metadata == {"k": "v"}

    seen = (await client.invoke_hook(POST, outcome(), context)).metadata["seen"]
    assert seen["state"] == {"calls": 1, "tool": "search"}
    assert seen["metadata"] == {"note": "from pre"}
    assert seen["global_state"] == {"shared": {"by": "Remember", "order": [1, 2]}}


async def test_state_is_the_requests_and_not_the_plugins(server, connect):
    client = await connect(server, "Remember")
    first, second = peers.context(request_id="r-1"), peers.context(request_id="r-2")
    for context in (first, second, first):
        await client.invoke_hook(PRE, tool(), context)
    assert first.state["calls"] == 2
    assert second.state["calls"] == 1


async def test_untouched_context_stays_as_it_was(server, connect):
    context = peers.context(
        state={"a": 1}, metadata={"b": [None]}, global_state={"c": {"d": True}}, user={"email": "x"}
    )
    await (await connect(server, "Echo")).invoke_hook(PRE, tool(), context)
    assert context.state == {"a": 1}
    assert context.metadata == {"b": [None]}
    assert context.global_context.state == {"c": {"d": True}}
    assert context.global_context.user == {"email": "x"}


async def test_emptied_state_is_emptied_for_the_client(server, connect, ours):
    context = peers.context(state={"a": 1}, metadata={"b": 2}, global_state={"c": 3})
    await (await connect(server, "Forget")).invoke_hook(PRE, tool(), context)
    if ours:
        assert context.state == {} and context.metadata == {}
    else:
        # The reference sends no context when all of it is empty, and its client then keeps the old one.
        assert context.state == {"a": 1} and context.metadata == {"b": 2}
    # An emptied global state cannot be told to this client: it takes over only one that has something in it.
    assert context.global_context.state == {"c": 3}


def request(plugin: str, **state) -> pb2.InvokeHookRequest:
    message = pb2.InvokeHookRequest(hook_type=PRE, plugin_name=plugin)
    json_format.ParseDict({"name": "search", "args": {}}, message.payload)
    message.context.global_context.request_id = "r-1"
    message.context.global_context.user_string = "ada"
    message.context.global_context.tenant_id = "t"
    if state:
        message.context.state.CopyFrom(json_format.ParseDict(state, Struct()))
    return message


@pytest.mark.gatehouse
async def test_context_is_sent_only_when_the_plugin_changed_it(server, channel):
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    assert not (await stub.InvokeHook(request("Echo", kept=1))).HasField("context")
    assert (await stub.InvokeHook(request("Forget", dropped=1))).HasField("context")


async def test_changed_context_carries_the_request_with_it(server, channel):
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    context = (await stub.InvokeHook(request("Remember"))).context
    assert context.global_context.request_id == "r-1"
    assert context.global_context.user_string == "ada"
    assert context.global_context.tenant_id == "t"
    assert json_format.MessageToDict(context.state) == {"calls": 1, "tool": "search"}
