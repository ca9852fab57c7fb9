# SPDX-License-Identifier: Apache-2.0
"""What the peers learn of a plugin from its server, and how they overlay their own entry."""

import pytest
from google.protobuf import json_format

import peers
from peers import pb2


async def test_client_takes_what_its_entry_leaves_open_from_the_server(server, connect):
    client = await connect(server, "Echo")
    config = client.config
    assert config.name == "Echo"
    assert config.kind == "external"
    assert config.description == "Returns every payload as it came"
    assert config.author == "Interop"
    assert config.version == "1.2.3"
    assert config.namespace == "interop"
    assert config.tags == ["echo", "test"]
    assert config.priority == 10
    assert config.mode == peers.ENFORCE
    assert len(config.hooks) == 12
    assert [(c.tools, c.tenant_ids) for c in config.conditions] == [({"search"}, {"tenant-1"})]
    assert config.config == {"greeting": "hello", "limit": 3, "ratio": 0.5, "nested": {"list": [1, "two", None]}}


async def test_client_overlays_its_own_entry(server, connect):
    client = await connect(server, "Echo", priority=7, tags=["mine"], hooks=["tool_pre_invoke"], mode="permissive")
    assert client.config.priority == 7
    assert client.config.tags == ["mine"]
    assert client.config.hooks == ["tool_pre_invoke"]
    assert client.config.mode == peers.PERMISSIVE
    assert client.config.author == "Interop"


async def test_modes_are_reported_in_names_both_generations_know(server, connect):
    assert (await connect(server, "PermissiveThrow")).config.mode == peers.PERMISSIVE
    assert (await connect(server, "Modify")).config.mode == peers.ENFORCE


async def test_configuration_is_found_whatever_the_case_of_the_name(server, connect):
    client = await connect(server, "eChO")
    # The name of the gateway's entry stays, since that is what its calls will carry.
    assert client.config.name == "eChO"
    assert client.config.author == "Interop"


async def test_unknown_plugin_does_not_initialise(server, connect):
    with pytest.raises(peers.PluginError, match="Unable to retrieve configuration"):
        await connect(server, "Nobody")


async def test_plugin_with_a_name_beyond_ascii_is_found(server, connect):
    assert (await connect(server, "Größe-日本")).config.hooks == ["tool_pre_invoke"]


async def test_every_field_of_an_entry_is_sent_and_null_where_unset(server, channel):
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    answer = await stub.GetPluginConfig(pb2.GetPluginConfigRequest(name="NoOp"))
    assert answer.found
    config = json_format.MessageToDict(answer.config)
    for field in ("description", "author", "namespace", "version", "applied_to", "config", "mcp", "grpc"):
        assert config[field] is None, field
    assert config["unix_socket"] is None
    assert config["tags"] == [] and config["conditions"] == []
    assert config["priority"] == 100
    assert peers.PluginConfig.model_validate(config).mode == peers.ENFORCE


async def test_all_configurations_come_in_the_order_of_the_file(server, channel):
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    answer = await stub.GetPluginConfigs(pb2.GetPluginConfigsRequest())
    configs = [json_format.MessageToDict(config) for config in answer.configs]
    names = [config["name"] for config in configs]
    assert names[:4] == ["Echo", "Modify", "Block", "Fail"]
    assert len(names) == 22 and len(set(names)) == 22
    disabled = next(config for config in configs if config["name"] == "Disabled")
    assert disabled["mode"] == "disabled"
    for config in configs:
        peers.PluginConfig.model_validate(config)


async def test_unknown_plugin_is_not_found(server, channel):
    stub = peers.pb2_grpc.PluginServiceStub(channel(server))
    answer = await stub.GetPluginConfig(pb2.GetPluginConfigRequest(name="Nobody"))
    assert not answer.found and not answer.HasField("config")
    assert not (await stub.GetPluginConfig(pb2.GetPluginConfigRequest())).found


@pytest.mark.gatehouse
async def test_secrets_of_a_plugin_are_masked(server, connect):
    config = (await connect(server, "Secretive")).config.config
    assert config["endpoint"] == "https://example.com"
    assert set(config) == {"endpoint", "api_key", "password"}
    assert "sk-live" not in str(config) and "hunter2" not in str(config)


@pytest.mark.gatehouse
async def test_other_generations_package_serves_the_same_plugins(server, channel):
    call = channel(server).unary_unary(
        f"/{peers.OTHER_PACKAGE}.PluginService/GetPluginConfig",
        request_serializer=pb2.GetPluginConfigRequest.SerializeToString,
        response_deserializer=pb2.GetPluginConfigResponse.FromString,
    )
    answer = await call(pb2.GetPluginConfigRequest(name="Echo"))
    assert answer.found and json_format.MessageToDict(answer.config)["author"] == "Interop"
