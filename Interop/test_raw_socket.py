# SPDX-License-Identifier: Apache-2.0
"""The raw Unix socket: the real Python client against the server, and the server's frames byte by byte."""

import asyncio
import socket
import struct

import pytest
import pytest_asyncio

import peers
from hook_cases import CASES, plain
from servers import LIVENESS, Server

HOOKS = list(CASES)
TOOL = "tool_pre_invoke"


@pytest.fixture(scope="module")
def raw_server(kind, session_folder):
    """The server on a raw socket."""
    server = Server(
        kind, session_folder.path, uds=session_folder / "raw.sock", options=("--transport", "unix")
    )
    yield server
    server.stop()


@pytest_asyncio.fixture
async def connect_raw():
    """Makes initialised clients of the real class, and closes them after the test."""
    clients = []

    async def make(server: Server, name: str, **settings):
        config = peers.PluginConfig(
            name=name, kind="external", unix_socket=peers.UnixSocketClientConfig(path=server.uds, **settings)
        )
        client = peers.UnixSocketExternalPlugin(config)
        clients.append(client)
        await client.initialize()
        return client

    yield make
    for client in clients:
        await client.shutdown()


class Frames:
    """A connection that sends and receives frames as they are."""

    def __init__(self, server: Server):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIVENESS)
        self.socket.connect(server.uds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, message: bytes) -> None:
        self.socket.sendall(struct.pack(">I", len(message)) + message)

    def _exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            piece = self.socket.recv(count - len(received))
            assert piece, "the server closed the connection"
            received += piece
        return received

    def receive(self) -> bytes:
        return self._exactly(struct.unpack(">I", self._exactly(4))[0])

    def is_closed(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def request(name: str, hook: str = TOOL, **args) -> bytes:
    message = peers.pb2.InvokeHookRequest(hook_type=hook, plugin_name=name)
    message.payload.update({"name": "search", "args": args})
    message.context.global_context.request_id = "r"
    return message.SerializeToString()


def response(frame: bytes):
    return peers.pb2.InvokeHookResponse.FromString(frame)


@pytest.mark.parametrize("hook", HOOKS)
async def test_payload_survives_the_way_there_and_back(raw_server, connect_raw, hook):
    sent, echoed, _ = CASES[hook]
    client = await connect_raw(raw_server, "Echo")
    result = await client.invoke_hook(hook, peers.payload_for(hook, sent), peers.context())
    assert result.continue_processing is True and result.violation is None
    assert plain(result.modified_payload) == echoed
    assert result.metadata == {"hook": hook}


@pytest.mark.parametrize("hook", HOOKS)
async def test_modified_payload_and_every_other_field_of_a_result_arrive(raw_server, connect_raw, hook):
    sent, _, modified = CASES[hook]
    client = await connect_raw(raw_server, "Modify")
    result = await client.invoke_hook(hook, peers.payload_for(hook, sent), peers.context())
    assert plain(result.modified_payload) == modified
    assert result.metadata == {"modified": hook, "count": 2}
    assert result.http_headers == {"x-result": "modified"}
    assert result.retry_delay_ms == 250


async def test_violation_arrives_with_every_field(raw_server, connect_raw):
    client = await connect_raw(raw_server, "Block")
    result = await client.invoke_hook(TOOL, peers.payload_for(TOOL, CASES[TOOL][0]), peers.context())
    assert result.continue_processing is False
    assert result.violation.code == "INTEROP_BLOCK" and result.violation.http_status_code == 451
    assert result.violation.details["nested"] == {"limit": 3, "none": None}


@pytest.mark.parametrize("name", ["Fail", "Throw"])
async def test_plugin_error_is_an_error_of_the_call_alone(raw_server, connect_raw, name):
    client = await connect_raw(raw_server, name)
    with pytest.raises(peers.PluginError):
        await client.invoke_hook(TOOL, peers.payload_for(TOOL, CASES[TOOL][0]), peers.context())
    echo = await connect_raw(raw_server, "Echo")
    await echo.invoke_hook(TOOL, peers.payload_for(TOOL, CASES[TOOL][0]), peers.context())


async def test_state_goes_from_the_pre_hook_to_the_post_hook(raw_server, connect_raw):
    client = await connect_raw(raw_server, "Remember")
    context = peers.context()
    await client.invoke_hook(TOOL, peers.payload_for(TOOL, {"name": "search", "args": {}}), context)
    assert context.state["tool"] == "search"


async def test_client_finds_the_server_again_after_it_was_restarted(kind, folder, connect_raw):
    path = folder / "again.sock"
    options = ("--transport", "unix")
    first = Server(kind, folder.path, uds=path, options=options)
    try:
        client = await connect_raw(first, "Echo", reconnect_attempts=5)
        payload = peers.payload_for(TOOL, CASES[TOOL][0])
        await client.invoke_hook(TOOL, payload, peers.context())
        first.stop()
        second = Server(kind, folder.path, uds=path, options=options)
        try:
            result = await client.invoke_hook(TOOL, payload, peers.context())
            assert result.continue_processing is True
        finally:
            second.stop()
    finally:
        first.stop()


async def test_calls_of_many_clients_run_side_by_side(raw_server, connect_raw):
    clients = [await connect_raw(raw_server, "Sleep") for _ in range(8)]
    start = asyncio.get_running_loop().time()
    payload = peers.payload_for(TOOL, {"name": "search", "args": {"seconds": 1}})
    await asyncio.gather(*(client.invoke_hook(TOOL, payload, peers.context()) for client in clients))
    assert asyncio.get_running_loop().time() - start < 6


def test_requests_of_one_connection_are_answered_in_their_order(raw_server):
    with Frames(raw_server) as frames:
        for number in range(20):
            frames.send(request("Echo", number=number))
        for number in range(20):
            assert response(frames.receive()).result["modified_payload"]["args"]["number"] == number


@pytest.mark.parametrize("message", [b"what is this?", b"\x12\x01p", b"\xff\xff\xff\xff"])
def test_message_of_no_kind_is_answered_with_unknown_message(raw_server, message):
    with Frames(raw_server) as frames:
        frames.send(message)
        assert response(frames.receive()).error.code == "UNKNOWN_MESSAGE"
        frames.send(request("Echo"))
        assert response(frames.receive()).plugin_name == "Echo"


def test_configurations_are_asked_for_by_name_and_all_at_once(raw_server):
    with Frames(raw_server) as frames:
        frames.send(peers.pb2.GetPluginConfigRequest(name="echo").SerializeToString())
        answer = peers.pb2.GetPluginConfigResponse.FromString(frames.receive())
        assert answer.found and answer.config["name"] == "Echo"
        frames.send(peers.pb2.GetPluginConfigRequest(name="Nobody").SerializeToString())
        assert not peers.pb2.GetPluginConfigResponse.FromString(frames.receive()).found
        frames.send(b"")
        answer = peers.pb2.GetPluginConfigsResponse.FromString(frames.receive())
        assert "Modify" in [config["name"] for config in answer.configs]


def test_frame_of_more_than_16_mib_closes_the_connection(raw_server):
    with Frames(raw_server) as frames:
        frames.socket.sendall(struct.pack(">I", (16 << 20) + 1) + b"\0" * 16)
        assert frames.is_closed()
    with Frames(raw_server) as frames:
        frames.send(request("Echo"))
        frames.receive()


def test_connection_that_ends_within_a_frame_harms_nobody(raw_server):
    for bytes_ in (b"\0", b"\0\0\0\x09abc"):
        with Frames(raw_server) as frames:
            frames.socket.sendall(bytes_)
    with Frames(raw_server) as frames:
        frames.send(request("Echo"))
        frames.receive()


@pytest.mark.gatehouse
def test_call_in_flight_is_answered_after_sigterm(kind, folder):
    server = Server(kind, folder.path, uds=folder / "drain.sock", options=("--transport", "unix"))
    try:
        with Frames(server) as frames:
            frames.send(request("Sleep", seconds=1))
            with Frames(server) as other:
                other.send(request("Echo"))
                other.receive()
            server.signal()
            assert response(frames.receive()).plugin_name == "Sleep"
        assert server.wait() == 0
    finally:
        server.stop()


@pytest.mark.gatehouse
def test_one_process_serves_grpc_and_frames(folder):
    server = Server(
        "gatehouse", folder.path, uds=None, program=None,
        options=("--transport", "grpc", "--transport", "unix"),
        environment={"PLUGINS_UNIX_SOCKET_PATH": folder / "both.sock"},
    )
    try:
        listening = {
            record["transport"]: record["address"]
            for record in server.log_records()
            if record.get("message") == "Plugin server listening"
        }
        assert set(listening) == {"grpc", "unix"}
        server.uds = folder / "both.sock"
        with Frames(server) as frames:
            frames.send(request("Echo"))
            frames.receive()
    finally:
        assert server.stop() == 0
