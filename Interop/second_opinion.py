# SPDX-License-Identifier: Apache-2.0
"""jbt-mcpcheck, a second opinion on revision 2026-07-28. It lies in the environment of the SDK's second generation."""

import json
import subprocess
import sys
from pathlib import Path

#: What it may warn about, and why that is so; it calls none of these a fault.
ACCEPTED = {
    "discover.logging_deprecated": "clients of the handshake revisions get log messages as well",
    "schemas.output_schema_missing": "tools without structured content are part of what the demo server shows",
    "errors.accepted_wrong_type": "the demo server's tools look at what they need, and pass over the rest",
}


def check(url: str) -> None:
    """Runs all of its checks on a server of both eras, which is to pass them all, and leave nothing that could not be found out."""
    command = [str(Path(sys.executable).parent / "mcpcheck"), url, "--probe", "all", "--legacy-probes", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout, result.stderr
    report = json.loads(result.stdout)
    found = [finding for check in report["checks"] for finding in check["failures"] + check["warnings"]]
    unexpected = [finding for finding in found if finding["code"] not in ACCEPTED]
    assert not unexpected, unexpected
    summary = report["summary"]
    assert result.returncode == 0 and report["era"] == "dual-era", report
    assert summary["total"] == 8 and summary["passed"] + summary["warned"] == 8 and summary["skipped"] == [], summary
