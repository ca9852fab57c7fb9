# SPDX-License-Identifier: Apache-2.0
"""Calls whose headers ask for what is not there or cannot be: each is told so by the status that says it."""

import pytest

import raw

INVALID_ARGUMENT, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL = 3, 4, 12, 13

pytestmark = pytest.mark.usefixtures("serves_on")


@pytest.mark.gatehouse
@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/grpc-web", None])
def test_content_type_that_is_not_grpc_is_415(connection, content_type):
    answer = connection.call(content_type=content_type)
    assert answer.http_status == 415


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto", "application/grpc;a=b"])
def test_content_type_of_grpc_is_served(connection, content_type):
    assert connection.call(content_type=content_type).response.plugin_name == "Echo"


@pytest.mark.gatehouse
def test_method_other_than_post_is_405(connection):
    assert connection.call(_method="GET").http_status == 405


@pytest.mark.parametrize("path", ["/nobody.Service/Method", raw.INVOKE + "x", "/", "//", "/x", "/Größe/日本"])
def test_unknown_method_is_unimplemented(connection, path, ours):
    answer = connection.call(path=path)
    assert answer.status == UNIMPLEMENTED or (not ours and answer.http_status != 200)
    if ours:
        assert answer.http_status == 200 and not answer.trailers, "trailers only"
        assert path in answer.status_message


@pytest.mark.gatehouse
@pytest.mark.parametrize("value", ["abc", "", "-1S", "1", "1 S", "123456789S", "1x", "1.5S"])
def test_malformed_timeout_is_an_error(connection, value):
    answer = connection.call(grpc_timeout=value)
    assert answer.status in (INVALID_ARGUMENT, INTERNAL) and "grpc-timeout" in answer.status_message


def test_deadline_ends_the_call(connection):
    # Without it the plugin would answer, after 2.5 seconds.
    answer = connection.call(raw.message(raw.invoke("Sleep", seconds=2.5)), grpc_timeout="200m")
    assert answer.status == DEADLINE_EXCEEDED
