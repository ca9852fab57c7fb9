# SPDX-License-Identifier: Apache-2.0
"""Server reflection with the stock client, in both of its versions: enough to call the server without any proto."""

import grpc
import pytest
from google.protobuf import descriptor_pb2, json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

import peers
from servers import LIVENESS

NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


class VersionedChannel:
    """A channel that sends the v1alpha client's calls to another version: the messages are the same."""

    def __init__(self, channel: grpc.Channel, version: str):
        self._channel = channel
        self._version = version

    def stream_stream(self, method: str, *arguments, **options):
        return self._channel.stream_stream(method.replace(".v1alpha.", f".{self._version}."), *arguments, **options)


@pytest.fixture(params=["v1", "v1alpha"])
def reflect(request, server):
    """A channel to the server, and the same for the stock reflection client."""
    with grpc.insecure_channel(server.target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel, VersionedChannel(channel, request.param)


def exchange(channel, *requests):
    """The answers to some requests on one stream."""
    return list(ServerReflectionStub(channel).ServerReflectionInfo(iter(requests), timeout=LIVENESS))


def ask(channel, **fields):
    (answer,) = exchange(channel, reflection_pb2.ServerReflectionRequest(**fields))
    return answer


def files(answer) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    parsed = [
        descriptor_pb2.FileDescriptorProto.FromString(encoded)
        for encoded in answer.file_descriptor_response.file_descriptor_proto
    ]
    return {file.name: file for file in parsed}


def test_services_are_listed(reflect, ours):
    services = set(ProtoReflectionDescriptorDatabase(reflect[1]).get_services())
    expected = {f"{peers.PACKAGE}.PluginService", f"{peers.PACKAGE}.Health", "grpc.health.v1.Health"}
    expected.add("grpc.reflection.v1alpha.ServerReflection")
    if ours:
        expected |= {f"{peers.OTHER_PACKAGE}.PluginService", f"{peers.OTHER_PACKAGE}.Health"}
        expected.add("grpc.reflection.v1.ServerReflection")
    assert expected <= services


@pytest.mark.parametrize(
    "symbol",
    ["PluginService", "PluginService.InvokeHook", "InvokeHookRequest", "HealthCheckResponse.ServingStatus"],
)
def test_file_is_found_by_each_kind_of_symbol(reflect, ours, symbol):
    if not ours and symbol.endswith(".InvokeHook"):
        pytest.skip("the Python implementation does not find methods")
    answer = ask(reflect[1], file_containing_symbol=f"{peers.PACKAGE}.{symbol}")
    assert any(file.package == peers.PACKAGE for file in files(answer).values())
    assert answer.original_request.file_containing_symbol == f"{peers.PACKAGE}.{symbol}"


def test_every_service_and_every_import_can_be_fetched(reflect):
    database = ProtoReflectionDescriptorDatabase(reflect[1])
    pool = DescriptorPool(database)
    for service in database.get_services():
        assert pool.FindServiceByName(service).full_name == service
    file = pool.FindMessageTypeByName(f"{peers.PACKAGE}.InvokeHookRequest").file
    assert [dependency.name for dependency in file.dependencies] == ["google/protobuf/struct.proto"]
    answer = ask(reflect[1], file_by_filename="google/protobuf/struct.proto")
    assert files(answer)["google/protobuf/struct.proto"].package == "google.protobuf"
    assert file.name in files(ask(reflect[1], file_by_filename=file.name))


def fields(message) -> dict:
    return {
        field.name: (field.number, field.type, field.is_repeated, field.message_type and field.message_type.name)
        for field in message.fields
    }


@pytest.mark.parametrize("package", ["mcpgateway.plugins", "cpex"])
def test_messages_are_the_peers_field_by_field(reflect, ours, package):
    if not ours and package != peers.PACKAGE:
        pytest.skip("the reference serves its own package alone")
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(reflect[1]))
    theirs = peers.pb2.DESCRIPTOR
    for name, message in theirs.message_types_by_name.items():
        found = pool.FindMessageTypeByName(f"{package}.{name}")
        # A field of ours beyond the peers' range does no harm; a missing or different one does.
        assert fields(message).items() <= fields(found).items(), name
    for name, service in theirs.services_by_name.items():
        found = pool.FindServiceByName(f"{package}.{name}")
        for method in service.methods:
            twin = found.methods_by_name[method.name]
            assert twin.input_type.full_name == f"{package}.{method.input_type.name}"
            assert twin.output_type.full_name == f"{package}.{method.output_type.name}"
            assert (twin.client_streaming, twin.server_streaming) == (False, False)


@pytest.mark.parametrize("package", ["mcpgateway.plugins", "cpex"])
def test_hook_is_invoked_with_nothing_but_reflection(reflect, ours, package):
    if not ours and package != peers.PACKAGE:
        pytest.skip("the reference serves its own package alone")
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(reflect[1]))
    method = pool.FindServiceByName(f"{package}.PluginService").methods_by_name["InvokeHook"]
    request_type = message_factory.GetMessageClass(method.input_type)
    answer_type = message_factory.GetMessageClass(method.output_type)
    request = json_format.ParseDict(
        {
            "hookType": "tool_pre_invoke",
            "pluginName": "Modify",
            "payload": {"name": "search", "args": {"n": 1}},
            "context": {"globalContext": {"requestId": "r", "userStruct": {"email": "ada@example.com"}}},
        },
        request_type(),
        descriptor_pool=pool,
    )
    call = reflect[0].unary_unary(
        f"/{package}.PluginService/InvokeHook",
        request_serializer=request_type.SerializeToString,
        response_deserializer=answer_type.FromString,
    )
    answer = json_format.MessageToDict(call(request, timeout=LIVENESS), descriptor_pool=pool)
    assert answer["pluginName"] == "Modify"
    assert answer["result"]["modified_payload"]["name"] == "search-changed"
    assert answer["result"]["continue_processing"] is True


def test_what_is_unknown_is_an_error_in_the_stream_and_does_not_end_it(reflect):
    request = reflection_pb2.ServerReflectionRequest
    answers = exchange(
        reflect[1],
        request(file_containing_symbol="nobody.Service"),
        request(file_by_filename="nobody.proto"),
        request(list_services=""),
    )
    assert [answer.error_response.error_code for answer in answers] == [NOT_FOUND, NOT_FOUND, 0]
    assert answers[2].list_services_response.service


def test_extensions_are_answered(reflect):
    known = f"{peers.PACKAGE}.InvokeHookRequest"
    answer = ask(reflect[1], all_extension_numbers_of_type=known)
    assert answer.all_extension_numbers_response.base_type_name == known
    assert list(answer.all_extension_numbers_response.extension_number) == []
    extension = reflection_pb2.ExtensionRequest(containing_type=known, extension_number=1000)
    assert ask(reflect[1], file_containing_extension=extension).error_response.error_code == NOT_FOUND
