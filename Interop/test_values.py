# SPDX-License-Identifier: Apache-2.0
"""Values: every kind of data comes back as it was sent, and what cannot be carried is a named error."""

import pytest
import grpc

import peers
from peers import pb2

PRE, POST = "tool_pre_invoke", "tool_post_invoke"
MIB = 1 << 20


def nested(levels: int, leaf="leaf"):
    for _ in range(levels):
        leaf = {"k": leaf}
    return leaf


TEXTS = {
    "empty": "",
    "combining": "e\u0301 and \u00e9 differ",
    "beyond the basic plane": "😀 𝄞 👩‍👩‍👧‍👦",
    "right to left": "مرحبا עולם",
    "controls": "\x00\x01\x1f\x7f\u0085\u2028\u2029",
    "line ends": "a\r\nb\rc\n",
    "byte order mark": "\ufefftext",
    "noncharacter": "\ufffe\uffff\U0010ffff",
}
VALUES = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "negative": -17,
    "largest exact integer": 2**53,
    "fraction": 0.1,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "empty list": [],
    "empty object": {},
    "mixed list": [None, True, 1, 1.5, "s", [], {}, [[["deep"]]]],
    "list of nulls": [None, None],
    "object of nulls": {"a": None, "b": {"c": None}},
    "keys": {"": 1, " ": 2, "a.b": 3, "ключ": 4, "\u0065\u0301": 5, "\u00e9": 6, "\x00": 7},
    "object nested 30 levels": nested(30),
    "wide": {f"key-{number}": number for number in range(400)},
}


async def echo(server, connect, value):
    client = await connect(server, "Echo")
    payload = peers.payload_for(POST, {"name": "search", "result": value})
    result = await client.invoke_hook(POST, payload, peers.context())
    return result.modified_payload.result


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS.keys())
async def test_text_comes_back_unchanged(server, connect, value):
    assert await echo(server, connect, value) == value


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
async def test_value_comes_back_unchanged(server, connect, value):
    assert await echo(server, connect, {"value": value}) == {"value": value}


async def test_empty_and_null_fields_of_a_payload_are_kept_apart(server, connect):
    client = await connect(server, "Inspect")
    for arguments in ({}, None):
        payload = peers.payload_for(PRE, {"name": "", "args": arguments, "headers": None})
        result = await client.invoke_hook(PRE, payload, peers.context())
        assert result.metadata["payload"] == {"name": "", "args": arguments, "headers": None}


async def test_integral_doubles_are_integers_to_our_plugins(server, connect, ours):
    client = await connect(server, "Numbers")
    arguments = {"one": 1, "negative": -3, "zero": 0, "exact": 2**53, "half": 0.5, "huge": 1e300}
    payload = peers.payload_for(PRE, {"name": "n", "args": arguments})
    result = await client.invoke_hook(PRE, payload, peers.context())
    assert result.modified_payload.args == arguments
    if ours:
        whole = dict.fromkeys(("one", "negative", "zero", "exact"), "int")
        assert result.metadata["kinds"] == {**whole, "half": "double", "huge": "double"}
    else:
        assert set(result.metadata["kinds"].values()) == {"double"}


async def test_request_of_five_mebibytes_is_served(server, connect, ours):
    client = await connect(server, "NoOp")
    payload = peers.payload_for(PRE, {"name": "search", "args": {"text": "x" * (5 * MIB)}})
    if ours:
        assert (await client.invoke_hook(PRE, payload, peers.context())).continue_processing
    else:
        # gRPC's default limit of 4 MiB, which the reference keeps.
        with pytest.raises(peers.PluginError, match="RESOURCE_EXHAUSTED"):
            await client.invoke_hook(PRE, payload, peers.context())


async def test_answer_of_three_mebibytes_arrives(server, connect):
    client = await connect(server, "Large")
    payload = peers.payload_for(POST, {"name": "search", "result": {"bytes": 3 * MIB}})
    result = await client.invoke_hook(POST, payload, peers.context())
    assert result.modified_payload.result == "0123456789abcdef" * (3 * MIB // 16)


async def test_large_payload_with_structure_comes_back_unchanged(server, connect):
    value = [{"id": number, "text": f"item {number} — ü", "tags": ["a", None, 0.5]} for number in range(15_000)]
    assert await echo(server, connect, value) == value


@pytest.mark.gatehouse
async def test_request_over_the_limit_is_refused_by_name(server, channel, connect):
    request = pb2.InvokeHookRequest(hook_type=PRE, plugin_name="NoOp")
    request.payload["text"] = "x" * (17 * MIB)
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.InvokeHook(request)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    # The limit, and the key that raises it.
    assert str(16 * MIB) in raised.value.details()
    assert "grpc_server_settings." in raised.value.details()
    assert await echo(server, connect, "still here") == "still here"


@pytest.mark.gatehouse
async def test_request_and_answer_of_sixteen_mebibytes_pass_both_flow_controls(server, channel):
    # Just under the limit, with the peer's own limit for answers lifted.
    open_channel = channel(server, **{"grpc.max_receive_message_length": -1})
    stub = peers.pb2_grpc.PluginServiceStub(open_channel)
    request = pb2.InvokeHookRequest(hook_type=POST, plugin_name="Echo")
    text = "0123456789abcdef" * (MIB - 64)
    request.payload.update({"name": "n", "result": text})
    answer = await stub.InvokeHook(request)
    assert not answer.HasField("error"), answer.error
    assert answer.result["modified_payload"]["result"] == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")], ids=str)
async def test_number_that_is_not_finite_is_an_error(server, channel, connect, number, ours):
    request = pb2.InvokeHookRequest(hook_type=PRE, plugin_name="Echo")
    request.payload["name"] = "n"
    request.payload.get_or_create_struct("args").fields["bad"].number_value = number
    try:
        answer = await peers.pb2_grpc.PluginServiceStub(channel(server)).InvokeHook(request)
        message = answer.error.message
        assert not answer.HasField("result")
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        message = error.details()
    assert message
    if ours:
        assert "finite" in message.lower() or "nan" in message.lower() or "infin" in message.lower()
    assert await echo(server, connect, "still here") == "still here"


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def head(number: int, length: int) -> bytes:
    """What stands before the content of a length-delimited field."""
    return varint(number << 3 | 2) + varint(length)


def field(number: int, content: bytes) -> bytes:
    return head(number, len(content)) + content


def nested_struct(levels: int) -> bytes:
    """A Struct of objects in objects, encoded by hand: the Python library refuses to write deep ones."""
    # From the innermost outwards: each level is a map entry of the key `k` and a value that is an object.
    heads, size = [], 0
    for _ in range(levels):
        value = head(5, size)
        entry = field(1, b"k") + head(2, len(value) + size) + value
        heads.append(head(1, len(entry) + size) + entry)
        size += len(heads[-1])
    return b"".join(reversed(heads))


async def invoke_bytes(channel, server, struct: bytes) -> bytes:
    call = channel(server).unary_unary(f"/{peers.PACKAGE}.PluginService/InvokeHook")
    name = field(1, field(1, b"name") + field(2, field(3, b"n")))
    arguments = field(1, field(1, b"args") + field(2, field(5, struct)))
    return await call(field(1, PRE.encode()) + field(2, b"NoOp") + field(3, name + arguments))


@pytest.mark.gatehouse
async def test_nesting_up_to_the_limit_is_served(server, channel):
    answer = pb2.InvokeHookResponse.FromString(await invoke_bytes(channel, server, nested_struct(90)))
    assert answer.HasField("result") and not answer.HasField("error")


@pytest.mark.parametrize("levels", [101, 5_000, 100_000])
async def test_nesting_beyond_the_limit_is_an_error(server, channel, connect, levels, ours):
    try:
        answer = pb2.InvokeHookResponse.FromString(await invoke_bytes(channel, server, nested_struct(levels)))
        message = answer.error.message
    except grpc.aio.AioRpcError as error:
        message = error.details()
        if ours:
            assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert message
    if ours:
        assert "100" in message and "payload.args" in message
    assert await echo(server, connect, "still here") == "still here"
