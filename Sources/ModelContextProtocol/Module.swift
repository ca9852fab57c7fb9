// SPDX-License-Identifier: Apache-2.0
//
// MCP: JSON-RPC, model, revisions, server and client cores, stdio and streamable HTTP; knows nothing of plugins.
