// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginFramework
import Testing

@testable import TransportSecurity

/// What is wrong with the settings of a listener; nil when nothing is.
private func fault(_ settings: ServerTLSSettings) -> TLSSettingsError? {
    do throws(TLSSettingsError) {
        _ = try TLSStore(logger: LogLines().logger).server(settings, for: .http2, place: "tls")
        return nil
    } catch {
        return error
    }
}

/// What is wrong with the settings of a dialler; nil when nothing is.
private func fault(_ settings: ClientTLSSettings) -> TLSSettingsError? {
    do throws(TLSSettingsError) {
        _ = try TLSStore(logger: LogLines().logger).client(settings, for: .http2, place: "tls")
        return nil
    } catch {
        return error
    }
}

@Suite struct SettingsFaultTests {
    let certificates: TestCertificates
    let good: (certificate: String, key: String)

    init() throws {
        certificates = try TestCertificates()
        good = try certificates.issue(.server)
    }

    @Test func whatBelongsTogetherIsAccepted() throws {
        #expect(fault(certificates.serverSettings(good)) == nil)
        #expect(fault(certificates.serverSettings(good, .require)) == nil)
        let client = try certificates.issue(.client)
        #expect(fault(certificates.clientSettings(client)) == nil)
        var both = certificates.clientSettings()
        both.certificateFile = try certificates.folder.write(
            try CertificateWriter.read(client.certificate) + CertificateWriter.read(client.key), to: "both.pem")
        #expect(fault(both) == nil)
    }

    @Test func aMissingFileIsNamed() throws {
        var settings = certificates.serverSettings(good)
        settings.keyFile = "/nowhere/server.key"
        let error = try #require(fault(settings))
        #expect(error.key == "keyfile")
        #expect(error.message.contains("\"/nowhere/server.key\" cannot be read: No such file"))
    }

    @Test func aFileWithoutACertificateIsNamed() throws {
        var settings = certificates.serverSettings(good)
        settings.certificateFile = good.key
        let error = try #require(fault(settings))
        #expect(error.key == "certfile")
        #expect(error.message.contains("has no certificate"))
        settings = certificates.serverSettings(good)
        settings.keyFile = good.certificate
        #expect(fault(settings)?.key == "keyfile")
        #expect(fault(settings)?.message.contains("has no private key") == true)
    }

    @Test func anotherCertificatesKeyIsRefused() throws {
        let other = try certificates.issue(.server, name: "other")
        let error = try #require(fault(certificates.serverSettings((good.certificate, other.key))))
        #expect(error.key == "keyfile")
        #expect(error.message.contains("is not the key of the certificate in \"\(good.certificate)\""))
        var order = certificates.order(.server)
        order.key = .rsa(bits: 2_048)
        let rsa = try certificates.issue(.server, name: "rsa", order: order)
        #expect(fault(certificates.serverSettings(rsa)) == nil)
        #expect(
            fault(certificates.serverSettings((good.certificate, rsa.key)))?.message.contains("is not the key") == true)
    }

    @Test func anExpiredCertificateIsRefused() throws {
        let expired = try certificates.issue(.server, .expired)
        let error = try #require(fault(certificates.serverSettings(expired)))
        #expect(error.key == "certfile")
        #expect(error.message.contains("expired on 20"))
        let client = try certificates.issue(.client, .expired)
        #expect(fault(certificates.clientSettings(client))?.message.contains("expired on 20") == true)
    }

    @Test func aCertificateOfTheFutureIsRefused() throws {
        let pair = try certificates.authority.issue(certificates.order(.server), now: TestCertificates.daysAgo(-10))
        let files = (
            try certificates.folder.write(pair.certificate, to: "f.crt"),
            try certificates.folder.write(pair.key, to: "f.key")
        )
        #expect(fault(certificates.serverSettings(files))?.message.contains("is not valid before") == true)
    }

    @Test func aCertificateForTheOtherSideIsRefused() throws {
        let client = try certificates.issue(.client)
        #expect(fault(certificates.serverSettings(client))?.message.contains("does not permit a server") == true)
        #expect(fault(certificates.clientSettings(good))?.message.contains("does not permit a client") == true)
    }

    @Test func aBundleWithoutAnAuthorityIsRefused() throws {
        var settings = certificates.serverSettings(good, .require)
        settings.caBundle = good.certificate
        let error = try #require(fault(settings))
        #expect(error.key == "ca_bundle")
        #expect(error.message.contains("holds no certificate of an authority"))
    }

    @Test func anExpiredAuthorityIsRefused() throws {
        let old = try CertificateAuthority.make(commonName: "Old", days: 10, now: TestCertificates.daysAgo(20))
        var settings = certificates.clientSettings()
        settings.caBundle = try certificates.folder.write(try old.pair.certificate, to: "old.crt")
        #expect(fault(settings)?.message.contains("have expired") == true)
        // One that is valid beside it is enough.
        settings.caBundle = try certificates.folder.write(
            try old.pair.certificate + certificates.authority.pair.certificate, to: "mixed.crt")
        #expect(fault(settings) == nil)
    }

    @Test(.enabled(if: Program.openssl != nil))
    func anEncryptedKeyNeedsItsPassword() throws {
        let openssl = Program.openssl ?? ""
        let encrypted = certificates.folder.path + "/encrypted.key"
        let status = try Program.run(
            openssl,
            ["pkcs8", "-topk8", "-in", good.key, "-out", encrypted, "-passout", "pass:secret", "-v2", "aes-256-cbc"])
        #expect(status == 0)
        var settings = certificates.serverSettings((good.certificate, encrypted))
        // A prompt would wait for ever.
        let missing = try #require(fault(settings))
        #expect(missing.key == "keyfile_password")
        #expect(missing.message.contains("is encrypted"))
        settings.keyFilePassword = "wrong"
        #expect(fault(settings)?.key == "keyfile_password")
        #expect(fault(settings)?.message.contains("does not open the key") == true)
        #expect(fault(settings)?.message.contains("\"wrong\"") == false)
        settings.keyFilePassword = "secret"
        #expect(fault(settings) == nil)
    }

    @Test func verifyingClientsNeedsAuthorities() throws {
        var settings = certificates.serverSettings(good)
        settings.clientAuthentication = .optional
        #expect(fault(settings)?.key == "ca_bundle")
    }

    @Test func allowedClientsNeedClientsThatShowThemselves() throws {
        var settings = certificates.serverSettings(good, .optional)
        settings.allowedClients = ["cn:gateway"]
        #expect(fault(settings)?.key == "allowed_clients")
        settings = certificates.serverSettings(good, .require)
        settings.allowedClients = []
        #expect(fault(settings)?.message.contains("is empty") == true)
        settings.allowedClients = ["cn:"]
        #expect(fault(settings)?.message.contains("names nobody") == true)
        settings.allowedClients = ["cn:gateway"]
        #expect(fault(settings) == nil)
    }

    @Test func aServerNameIsAName() throws {
        var settings = certificates.clientSettings()
        settings.serverName = "10.0.0.1"
        #expect(fault(settings)?.key == "server_name")
        settings.serverName = "plugins.test"
        #expect(fault(settings) == nil)
    }

    @Test func whatExpiresSoonIsWarnedOf() throws {
        let soon = try certificates.issue(.server, name: "soon", order: certificates.order(.server, days: 7))
        let log = LogLines()
        let store = TLSStore(logger: log.logger)
        let server = try store.server(certificates.serverSettings(soon), for: .http2, place: "here.tls")
        #expect(log.contains("warning: A certificate expires soon"))
        #expect(log.contains("days=6") || log.contains("days=7"))
        withExtendedLifetime(server) {
            let expiries = store.certificates
            #expect(expiries.map(\.place) == ["here.tls"])
            #expect(expiries.first.map { (5...7).contains($0.daysLeft()) } == true)
        }
    }
}
