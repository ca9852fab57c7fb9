// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// Reads a private key.
struct PrivateKeyFile {
    let file: TLSFile
    let password: String?

    /// The key, decrypted if need be.
    ///
    /// It is never asked for on the terminal: an encrypted key without a password is an error.
    func load() throws(TLSSettingsError) -> NIOSSLPrivateKey {
        let bytes = try file.read()
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("PRIVATE KEY-----") else {
            throw file.fault("has no private key; give a file with -----BEGIN PRIVATE KEY----- in it (PEM)")
        }
        // PKCS#8, and OpenSSL's own form before it.
        let isEncrypted = text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
        if isEncrypted, password?.isEmpty ?? true {
            throw TLSSettingsError(
                key: "keyfile_password",
                "is missing, and the key in \"\(file.path)\" is encrypted; give its password, or a key without one")
        }
        let password = Array((password ?? "").utf8)
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem) { (use: ([UInt8]) -> Void) in use(password) }
        } catch {
            guard isEncrypted else {
                throw file.fault("has a private key that cannot be read; give one of PKCS#8, or make it anew")
            }
            throw TLSSettingsError(
                key: "keyfile_password",
                "does not open the key in \"\(file.path)\": it is the wrong password, or the key is encrypted in an unusual way; "
                    + "give the right one, or encrypt the key again with: openssl pkcs8 -topk8 -v2 aes-256-cbc")
        }
    }
}
