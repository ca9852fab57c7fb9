# SPDX-License-Identifier: Apache-2.0
"""The shortest plugin there is, for the reference server."""

from mcpgateway.plugins.framework import Plugin, PluginResult


class NoOpPlugin(Plugin):
    """Lets every tool call pass."""

    async def tool_pre_invoke(self, payload, context):
        return PluginResult(continue_processing=True)
