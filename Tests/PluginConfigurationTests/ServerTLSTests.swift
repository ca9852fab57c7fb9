// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@testable import PluginConfiguration

/// Files that stand for a certificate, its key and an authority.
private struct TLSFiles {
    let folder: TemporaryFolder
    let certificate: String
    let key: String
    let authority: String

    init() throws {
        folder = try TemporaryFolder()
        certificate = try folder.file("server.crt")
        key = try folder.file("server.key")
        authority = try folder.file("ca.crt")
    }
}

@Test func aTLSBlockIsReadInFull() throws {
    let files = try TLSFiles()
    let attempt = Attempt(
        """
        grpc_server_settings:
          tls: {certfile: \(files.certificate), keyfile: \(files.key), ca_bundle: \(files.authority), keyfile_password: pw, client_auth: Optional}
        server_settings:
          tls: {certfile: \(files.certificate), keyfile: \(files.key), ssl_cert_reqs: 0}
        """)
    #expect(attempt.errors == [])
    var expected = ServerTLSSettings(certificateFile: files.certificate, keyFile: files.key)
    expected.caBundle = files.authority
    expected.keyFilePassword = "pw"
    expected.clientAuthentication = .optional
    #expect(attempt.settings?.grpc.tls == expected)
    #expect(attempt.settings?.mcp.tls?.clientAuthentication == ServerTLSSettings.ClientAuthentication.none)
    #expect(attempt.settings?.mcp.tls?.caBundle == nil)
    #expect(attempt.warnings == [])
}

@Test func variablesAloneSwitchTLSOn() throws {
    let files = try TLSFiles()
    let variables = [
        "SSL_ENABLED": "true", "SSL_CERTFILE": files.certificate, "SSL_KEYFILE": files.key,
        "SSL_CA_CERTS": files.authority,
        "SSL_KEYFILE_PASSWORD": "pw",
    ]
    let grpc = Attempt(
        "plugins: []",
        environment: Dictionary(uniqueKeysWithValues: variables.map { ("PLUGINS_GRPC_SERVER_\($0)", $1) })
            .merging(["PLUGINS_GRPC_SERVER_SSL_CLIENT_AUTH": "none"]) { $1 })
    #expect(grpc.errors == [])
    #expect(grpc.settings?.grpc.tls?.certificateFile == files.certificate)
    #expect(grpc.settings?.grpc.tls?.keyFile == files.key)
    #expect(grpc.settings?.grpc.tls?.caBundle == files.authority)
    #expect(grpc.settings?.grpc.tls?.keyFilePassword == "pw")
    #expect(grpc.settings?.grpc.tls?.clientAuthentication == ServerTLSSettings.ClientAuthentication.none)
    #expect(grpc.reported("grpc_server_settings.tls") == "\"on\" PLUGINS_GRPC_SERVER_SSL_ENABLED")
    #expect(
        grpc.reported("grpc_server_settings.tls.keyfile_password")
            == "\"********\" PLUGINS_GRPC_SERVER_SSL_KEYFILE_PASSWORD")

    let mcp = Attempt(
        "plugins: []",
        environment: Dictionary(uniqueKeysWithValues: variables.map { ("PLUGINS_SERVER_\($0)", $1) })
            .merging(["PLUGINS_SERVER_SSL_CERT_REQS": "1"]) { $1 })
    #expect(mcp.errors == [])
    #expect(mcp.settings?.mcp.tls?.clientAuthentication == .optional)
    #expect(mcp.settings?.mcp.tls?.keyFilePassword == "pw")
}

@Test func aFilesSectionDoesNotHideTheTLSVariables() throws {
    let files = try TLSFiles()
    let attempt = Attempt(
        "grpc_server_settings: {port: 1, tls: {certfile: \(files.certificate), keyfile: \(files.key), client_auth: none}}",
        environment: [
            "PLUGINS_GRPC_SERVER_SSL_CLIENT_AUTH": "require", "PLUGINS_GRPC_SERVER_SSL_CA_CERTS": files.authority,
        ])
    #expect(attempt.errors == [])
    #expect(attempt.settings?.grpc.tls?.clientAuthentication == .require)
    #expect(attempt.settings?.grpc.tls?.caBundle == files.authority)
}

@Test func tlsWithoutCertificatesRefusesToStart() {
    let attempt = Attempt("plugins: []", environment: ["PLUGINS_GRPC_SERVER_SSL_ENABLED": "true"])
    let variable = "PLUGINS_GRPC_SERVER_SSL_ENABLED: grpc_server_settings.tls"
    #expect(
        attempt.errors == [
            "\(variable).certfile: is missing, and TLS is on; give the server's certificate chain (PEM) here "
                + "or in PLUGINS_GRPC_SERVER_SSL_CERTFILE",
            "\(variable).keyfile: is missing, and TLS is on; give the server's private key (PEM) here "
                + "or in PLUGINS_GRPC_SERVER_SSL_KEYFILE",
            "\(variable).ca_bundle: is missing, and client_auth is require: clients cannot be verified without it; "
                + "give the authorities to trust (PEM), or set client_auth to none",
        ])
    #expect(
        Attempt("grpc_server_settings:\n  tls: {}\n").errors.allSatisfy {
            $0.hasPrefix("server.yaml:2: grpc_server_settings.tls.")
        })
    let flag = Attempt("plugins: []") { $0.overrides.tls = true }
    #expect(flag.errors.count == 3 && flag.errors.allSatisfy { $0.hasPrefix("--tls: ") })
}

@Test(arguments: ["require", "optional"])
func verifyingClientsNeedsAnAuthority(mode: String) throws {
    let files = try TLSFiles()
    let grpc = Attempt(
        """
        grpc_server_settings:
          tls:
            certfile: \(files.certificate)
            keyfile: \(files.key)
            client_auth: \(mode)
        """)
    #expect(
        grpc.errors == [
            "server.yaml:5: grpc_server_settings.tls.ca_bundle: is missing, and client_auth is \(mode): clients cannot be verified "
                + "without it; give the authorities to trust (PEM), or set client_auth to none"
        ])
    let mcp = Attempt("server_settings:\n  tls: {certfile: \(files.certificate), keyfile: \(files.key)}")
    #expect(
        mcp.errors == [
            "server.yaml:2: server_settings.tls.ca_bundle: is missing, and ssl_cert_reqs is require: clients cannot be verified "
                + "without it; give the authorities to trust (PEM), or set ssl_cert_reqs to 0"
        ])
}

@Test func tlsFilesMustExistAndBeFiles() throws {
    let files = try TLSFiles()
    let attempt = Attempt(
        """
        grpc_server_settings:
          tls:
            certfile: /nowhere/server.crt
            keyfile: \(files.folder.path)
            ca_bundle: ~/no-such-authority.crt
        """, environment: ["HOME": files.folder.path])
    let advice = "give the path of a readable file (PEM)"
    #expect(
        attempt.errors == [
            "server.yaml:3: grpc_server_settings.tls.certfile: \"/nowhere/server.crt\" does not exist; \(advice)",
            "server.yaml:4: grpc_server_settings.tls.keyfile: \"\(files.folder.path)\" is no file; \(advice)",
            "server.yaml:5: grpc_server_settings.tls.ca_bundle: \"\(files.folder.path)/no-such-authority.crt\" does not exist; \(advice)",
        ])
}

@Test func theHomeFolderIsExpandedInPathsOfTLS() throws {
    let files = try TLSFiles()
    let attempt = Attempt(
        "grpc_server_settings: {tls: {certfile: ~/server.crt, keyfile: ~/server.key, client_auth: none}}",
        environment: ["HOME": files.folder.path])
    #expect(attempt.settings?.grpc.tls?.certificateFile == files.certificate)
}

@Test func tlsDoesNotGoWithASocket() throws {
    let files = try TLSFiles()
    let tls = "tls: {certfile: \(files.certificate), keyfile: \(files.key), client_auth: none}"
    let attempt = Attempt("grpc_server_settings:\n  uds: /run/a\n  \(tls)\n")
    #expect(
        attempt.errors == [
            "server.yaml:3: grpc_server_settings.tls: TLS does not go with a Unix socket (uds, server.yaml:2); remove tls or uds"
        ])
    let flag = Attempt("grpc_server_settings:\n  \(tls)\n") { $0.overrides.uds = "/run/a" }
    #expect(
        flag.errors == [
            "server.yaml:2: grpc_server_settings.tls: TLS does not go with a Unix socket (uds, --uds); remove tls or uds"
        ])
}

@Test func switchingConfiguredTLSOffWarns() throws {
    let files = try TLSFiles()
    let off = Attempt(
        "grpc_server_settings: {host: 127.0.0.1, tls: {certfile: \(files.certificate), keyfile: \(files.key), client_auth: none}}",
        environment: ["PLUGINS_GRPC_SERVER_SSL_ENABLED": "false"])
    #expect(off.settings?.grpc.tls == nil)
    #expect(
        off.warnings == [
            "PLUGINS_GRPC_SERVER_SSL_ENABLED: grpc_server_settings.tls: TLS is configured, but switched off here; "
                + "connections are in plain text"
        ])
    let idle = Attempt(
        "grpc_server_settings: {host: 127.0.0.1}", environment: ["PLUGINS_GRPC_SERVER_SSL_CERTFILE": files.certificate])
    #expect(idle.settings?.grpc.tls == nil)
    #expect(
        idle.warnings == [
            "PLUGINS_GRPC_SERVER_SSL_CERTFILE: grpc_server_settings.tls: a certificate is given, but TLS is off; "
                + "set PLUGINS_GRPC_SERVER_SSL_ENABLED=true, or remove the certificate"
        ])
}

@Test func wrongChoicesOfClientAuthenticationSuggest() {
    let attempt = Attempt("grpc_server_settings: {tls: {client_auth: required}}")
    #expect(
        attempt.errors.first
            == "server.yaml:1: grpc_server_settings.tls.client_auth: \"required\" is not a client_auth; "
            + "did you mean \"require\"? give none, optional or require")
    let mcp = Attempt("server_settings: {tls: {ssl_cert_reqs: 3}}")
    #expect(
        mcp.errors.first == "server.yaml:1: server_settings.tls.ssl_cert_reqs: \"3\" is not a certificate requirement; "
            + "give 0 (none), 1 (optional) or 2 (required)")
}

@Test func passwordsAreNotRepeatedInErrors() {
    let attempt = Attempt(
        "grpc_server_settings: {tls: {keyfile_password: [hunter2]}, port: \"{{ env.P }}\"}",
        environment: ["P": "s3cret"])
    #expect(!attempt.errors.isEmpty)
    #expect(attempt.errors.allSatisfy { !$0.contains("hunter2") && !$0.contains("s3cret") })
    #expect(
        attempt.errors.contains(
            "server.yaml:1: grpc_server_settings.port: the given value is not a port number; "
                + "give a whole number from 0 to 65535"))
}
