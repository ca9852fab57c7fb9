// SPDX-License-Identifier: Apache-2.0
//
// The plugin service over length-prefixed frames on a Unix socket, both halves.
