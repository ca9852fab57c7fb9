# SPDX-License-Identifier: Apache-2.0
"""Servers made with MCP's Python SDK, as processes."""

import subprocess


def end(process: subprocess.Popen) -> None:
    """Ends one that serves HTTP; by force, if it waits for its open streams."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
