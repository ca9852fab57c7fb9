# SPDX-License-Identifier: Apache-2.0
"""An executable of a plugin author's own: the example, started as its users would start it."""

import datetime

import pytest

import peers
from servers import ROOT, binary

pytestmark = pytest.mark.gatehouse
EXAMPLE = ROOT / "Examples" / "BusinessHours"


@pytest.fixture
def example(start, folder):
    """Starts the example with these hours."""

    def begin(opens: int, closes: int):
        text = (EXAMPLE / "config.yaml").read_text(encoding="utf-8")
        path = folder / f"{opens}-{closes}.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("opens: 9", f"opens: {opens}").replace("closes: 17", f"closes: {closes}"))
        return start(config=path, program=[binary("BUSINESS_HOURS_BIN", "BusinessHours")])

    return begin


async def call(client):
    payload = peers.payload_for("tool_pre_invoke", {"name": "search", "args": {}})
    return await client.invoke_hook("tool_pre_invoke", payload, peers.context())


async def test_example_lets_calls_pass_during_business_hours(example, connect):
    client = await connect(example(0, 24), "Hours")
    assert (await call(client)).continue_processing


async def test_example_blocks_calls_outside_business_hours(example, connect):
    # Closed now and, should the clock strike in between, in the hour to come as well.
    hour = datetime.datetime.now().hour
    opens = 3 if hour >= 12 else 20
    client = await connect(example(opens, opens + 1), "Hours")
    result = await call(client)
    assert result.continue_processing is False
    assert result.violation.code == "CLOSED"
    assert f"from {opens}:00 to {opens + 1}:00" in result.violation.description


def test_example_refuses_hours_that_make_no_sense(example):
    with pytest.raises(AssertionError, match=r"config\.closes: must be an hour after `opens`"):
        example(17, 9)
