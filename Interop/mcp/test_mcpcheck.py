# SPDX-License-Identifier: Apache-2.0
"""jbt-mcpcheck on our server."""

import pytest
import second_opinion

import sdk


@pytest.mark.skipif(sdk.IS_V1, reason="jbt-mcpcheck lies in the environment of the SDK's second generation")
def test_the_demo_server_is_conforming(demo_url):
    second_opinion.check(demo_url)
