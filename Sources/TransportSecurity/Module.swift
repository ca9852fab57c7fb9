// SPDX-License-Identifier: Apache-2.0
//
// TLS settings to NIOSSL contexts for every listener and dialler; the certificate authority; reload.
