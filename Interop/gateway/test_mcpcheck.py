# SPDX-License-Identifier: Apache-2.0
"""jbt-mcpcheck, a second opinion on revision 2026-07-28, on the gateway, with our own server behind it in each era."""

import json
import subprocess
import sys
from pathlib import Path

import conftest
import pytest

import sdk

#: What it may warn about, and why that is so; it calls none of these a fault.
ACCEPTED = {
    "discover.logging_deprecated": "clients of the handshake revisions get log messages as well",
    "schemas.output_schema_missing": "tools without structured content are part of what the demo server shows",
    "errors.accepted_wrong_type": "the demo server's tools look at what they need, and pass over the rest",
}


@pytest.mark.skipif(not sdk.IS_MODERN, reason="jbt-mcpcheck lies in the environment of the SDK's second generation")
@pytest.mark.parametrize("protocol", ["handshake", "2026-07-28"])
def test_the_gateway_is_conforming(tmp_path, protocol):
    demo = {"command": conftest.gatehouse(), "args": ["demo-server"], "protocol": protocol}
    gateway = conftest.Gateway(tmp_path, {"mcpServers": {"demo": demo}})
    try:
        command = [
            str(Path(sys.executable).parent / "mcpcheck"), gateway.url(), "--probe", "all", "--legacy-probes", "--json"
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    finally:
        gateway.stop()
    assert result.stdout, result.stderr
    report = json.loads(result.stdout)
    found = [finding for check in report["checks"] for finding in check["failures"] + check["warnings"]]
    assert [finding for finding in found if finding["code"] not in ACCEPTED] == []
    summary = report["summary"]
    assert result.returncode == 0 and report["era"] == "dual-era"
    assert summary["total"] == 8 and summary["passed"] + summary["warned"] == 8 and summary["skipped"] == []
