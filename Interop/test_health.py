# SPDX-License-Identifier: Apache-2.0
"""The standard health service with the stock stubs, and the health service of each plugin package."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import peers
from peers import pb2
from servers import LIVENESS

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def request(service: str = "") -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


async def test_check_tells_of_the_server_and_of_each_plugin(server, channel):
    stub = health_pb2_grpc.HealthStub(channel(server))
    assert (await stub.Check(request())).status == SERVING
    assert (await stub.Check(request("Echo"))).status == SERVING
    assert (await stub.Check(request("Größe-日本"))).status == SERVING


async def test_disabled_plugin_is_not_serving(server, channel):
    stub = health_pb2_grpc.HealthStub(channel(server))
    assert (await stub.Check(request("Disabled"))).status == NOT_SERVING


async def test_check_of_an_unknown_service_is_not_found(server, channel):
    stub = health_pb2_grpc.HealthStub(channel(server))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Check(request("Nobody"))
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


async def test_list_tells_of_everything(server, channel):
    answer = await health_pb2_grpc.HealthStub(channel(server)).List(health_pb2.HealthListRequest())
    statuses = {name: answer.statuses[name].status for name in answer.statuses}
    assert statuses[""] == SERVING and statuses["Echo"] == SERVING and statuses["Disabled"] == NOT_SERVING
    assert len(statuses) >= 23


async def next_status(watch) -> int:
    message = await asyncio.wait_for(watch.read(), LIVENESS)
    assert message is not grpc.aio.EOF
    return message.status


async def test_watch_begins_with_the_present_status(server, channel):
    stub = health_pb2_grpc.HealthStub(channel(server))
    for service, status in (("", SERVING), ("Echo", SERVING), ("Nobody", SERVICE_UNKNOWN)):
        watch = stub.Watch(request(service))
        assert await next_status(watch) == status
        watch.cancel()


async def test_shutdown_is_told_to_watchers_before_it_ends_calls(start, channel, in_flight, patient):
    server = start(config=patient)
    open_channel = channel(server)
    health = health_pb2_grpc.HealthStub(open_channel)
    watches = [health.Watch(request()), health.Watch(request("Echo"))]
    for watch in watches:
        assert await next_status(watch) == SERVING

    call = await in_flight(open_channel, 4.0)
    server.signal()
    for watch in watches:
        assert await next_status(watch) == NOT_SERVING
    assert not call.done()
    assert (await call).result["modified_payload"]["args"]["seconds"] == 4.0
    assert await asyncio.to_thread(server.wait) == 0


@pytest.mark.parametrize("package", ["mcpgateway.plugins", "cpex"])
async def test_each_packages_own_health_service_answers(server, channel, ours, package):
    if not ours and package != peers.PACKAGE:
        pytest.skip("the reference serves its own package alone")
    check = channel(server).unary_unary(
        f"/{package}.Health/Check",
        request_serializer=pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=pb2.HealthCheckResponse.FromString,
    )
    assert (await check(pb2.HealthCheckRequest())).status == pb2.HealthCheckResponse.SERVING
    assert (await check(pb2.HealthCheckRequest(service="Echo"))).status == pb2.HealthCheckResponse.SERVING
    if ours:
        disabled = await check(pb2.HealthCheckRequest(service="Disabled"))
        assert disabled.status == pb2.HealthCheckResponse.NOT_SERVING
        unknown = await check(pb2.HealthCheckRequest(service="Nobody"))
        assert unknown.status == pb2.HealthCheckResponse.SERVICE_UNKNOWN
