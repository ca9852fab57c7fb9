# SPDX-License-Identifier: Apache-2.0
"""jbt-mcpcheck on the gateway, with our own server behind it in each era."""

import conftest
import pytest
import second_opinion

import sdk


@pytest.mark.skipif(not sdk.IS_MODERN, reason="jbt-mcpcheck lies in the environment of the SDK's second generation")
@pytest.mark.parametrize("protocol", ["handshake", "2026-07-28"])
def test_the_gateway_is_conforming(tmp_path, protocol):
    demo = {"command": conftest.gatehouse(), "args": ["demo-server"], "protocol": protocol}
    gateway = conftest.Gateway(tmp_path, {"mcpServers": {"demo": demo}})
    try:
        second_opinion.check(gateway.url())
    finally:
        gateway.stop()
