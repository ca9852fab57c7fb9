// SPDX-License-Identifier: Apache-2.0
//
// The MCP gateway: clients on one side, MCP servers on the other, plugins around every call.
