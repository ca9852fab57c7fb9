// SPDX-License-Identifier: Apache-2.0
//
// The plugin service over MCP, both halves.
