# SPDX-License-Identifier: Apache-2.0
"""What docs/troubleshooting.md says, for the tests that bring its symptoms about."""

import re

from servers import ROOT

TROUBLESHOOTING = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def documented(message: str) -> None:
    """The document quotes this message."""
    assert message in re.sub(r"\s+", " ", TROUBLESHOOTING), f"docs/troubleshooting.md does not quote {message!r}"
