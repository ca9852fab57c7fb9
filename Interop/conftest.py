# SPDX-License-Identifier: Apache-2.0
"""Options and fixtures: the server under test over TCP and over a Unix socket, and the peers' clients for it."""

import peers  # (first: it cleans the environment the peers read)

import asyncio
import os

import grpc
import pytest
import pytest_asyncio
import yaml

import raw
import servers


def pytest_addoption(parser):
    parser.addoption(
        "--server",
        choices=("gatehouse", "reference"),
        default="gatehouse",
        help="gatehouse: our server; reference: the Python server of this generation, to check the suite itself",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "gatehouse: what our server does and the reference does not")
    if config.getoption("--server") == "gatehouse":
        for command in (servers.command("gatehouse")[0], servers.binary("GATEHOUSE_BIN", "gatehouse")):
            if not os.access(command, os.X_OK):
                raise pytest.UsageError(
                    f"{command} is missing: run `swift build`, or set INTEROP_PLUGINS_BIN and GATEHOUSE_BIN"
                )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--server") == "reference":
        skip = pytest.mark.skip(reason="the reference server does not do this")
        for item in items:
            if "gatehouse" in item.keywords:
                item.add_marker(skip)


def pytest_report_header(config):
    return f"peers: generation {peers.GENERATION}, server: {config.getoption('--server')}"


@pytest.fixture(scope="session")
def kind(request) -> str:
    return request.config.getoption("--server")


@pytest.fixture(scope="session")
def ours(kind) -> bool:
    """Whether the server under test is ours: for the few expectations in which the two differ on purpose."""
    return kind == "gatehouse"


@pytest.fixture
def folder():
    made = servers.Folder()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def session_folder():
    made = servers.Folder()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def tcp(kind, session_folder):
    """The server on a port of the loopback interface."""
    server = servers.Server(kind, session_folder.path)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def uds(kind, session_folder):
    """The server on a Unix socket."""
    server = servers.Server(kind, session_folder.path, uds=session_folder / "s.sock")
    yield server
    server.stop()


@pytest.fixture(params=["tcp", "uds"])
def server(request):
    """The server over each of its transports."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def start(kind, folder):
    """Starts further servers for one test and ends them with it."""
    started = []

    def begin(**options) -> servers.Server:
        started.append(servers.Server(kind, folder.path, **options))
        return started[-1]

    yield begin
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def victim(kind, session_folder):
    """A server for one file of tests that mistreat it."""
    server = servers.Server(kind, session_folder.path)
    yield server
    server.stop()


@pytest.fixture
def serves_on(victim):
    """After the test: the same process answers a good call."""
    yield
    assert victim.process.poll() is None, f"the server is gone; log:\n{victim.log()[-4000:]}"
    with raw.Connection(victim) as connection:
        assert connection.call().response.plugin_name == "Echo"


@pytest.fixture
def connection(victim):
    """A bare HTTP/2 connection to the server that is mistreated."""
    with raw.Connection(victim) as made:
        yield made


@pytest.fixture
def patient(folder):
    """A configuration: the suite's plugins with a time limit of 60 seconds."""
    config = yaml.safe_load(servers.PLUGINS.read_text(encoding="utf-8"))
    config["plugin_settings"]["plugin_timeout"] = 60
    path = folder / "patient.yaml"
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, allow_unicode=True)
    return path


@pytest_asyncio.fixture
async def connect():
    """Makes initialised clients of the real class, and closes them after the test."""
    clients = []

    async def make(server: servers.Server, name: str, **entry):
        config = peers.PluginConfig(
            name=name, kind="external", grpc=peers.GRPCClientConfig(**server.client_settings), **entry
        )
        client = peers.GrpcExternalPlugin(config)
        clients.append(client)
        await client.initialize()
        return client

    yield make
    for client in clients:
        await client.shutdown()


@pytest_asyncio.fixture
async def channel():
    """Opens plain channels to a server, and closes them after the test."""
    channels = []

    def open_channel(server: servers.Server, **options) -> grpc.aio.Channel:
        # A pool of subchannels of its own, so that one test's connection is never another's.
        arguments = [("grpc.use_local_subchannel_pool", 1), *options.items()]
        channels.append(grpc.aio.insecure_channel(server.target, options=arguments))
        return channels[-1]

    yield open_channel
    for each in channels:
        await each.close()


@pytest.fixture
def in_flight():
    """Begins a call of Sleep on a channel, and gives it once the server has it."""

    async def begin(channel: grpc.aio.Channel, seconds: float) -> grpc.aio.UnaryUnaryCall:
        stub = peers.pb2_grpc.PluginServiceStub(channel)
        await stub.InvokeHook(peers.pb2.InvokeHookRequest.FromString(raw.invoke()))
        call = stub.InvokeHook(peers.pb2.InvokeHookRequest.FromString(raw.invoke("Sleep", seconds=seconds)))
        await asyncio.sleep(0.2)
        # What follows on the same connection is answered, so what went before it has arrived.
        await stub.InvokeHook(peers.pb2.InvokeHookRequest.FromString(raw.invoke()))
        return call

    return begin
