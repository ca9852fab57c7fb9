// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 server and client on NIO, with event streams; knows nothing of MCP or plugins.
