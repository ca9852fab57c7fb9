// SPDX-License-Identifier: Apache-2.0

import Glibc
import PluginFramework
import Testing

@testable import TransportSecurity

/// Settings of a listener whose files are reached through whatever the test makes of them.
private final class Fixture {
    let certificates: TestCertificates
    let log = LogLines()
    let files: (certificate: String, key: String)
    private(set) var tls: ReloadableTLS

    init(_ authentication: ServerTLSSettings.ClientAuthentication = .none, links: Bool = false) throws {
        let certificates = try TestCertificates()
        var files = try certificates.issue(.server, name: "server")
        if links {
            // As Kubernetes lays a secret out: files are links into a folder that is a link itself.
            let root = certificates.folder.path
            mkdir("\(root)/v1", 0o755)
            rename(files.certificate, "\(root)/v1/tls.crt")
            rename(files.key, "\(root)/v1/tls.key")
            symlink("v1", "\(root)/data")
            symlink("data/tls.crt", "\(root)/tls.crt")
            symlink("data/tls.key", "\(root)/tls.key")
            files = ("\(root)/tls.crt", "\(root)/tls.key")
        }
        self.certificates = certificates
        self.files = files
        let settings = certificates.serverSettings(files, authentication)
        let loader = TLSContextLoader(place: "tls", application: .http2)
        let paths = [files.certificate, files.key] + (settings.caBundle.map { [$0] } ?? [])
        tls = try ReloadableTLS(place: "tls", paths: paths, logger: log.logger) { () throws(TLSSettingsError) in
            try loader.load(settings)
        }
    }

    var subjects: [String] { tls.certificates.map(\.subject) }

    func look(_ times: Int = 2) { for _ in 0..<times { tls.look(log.logger) } }

    /// A new certificate under another name.
    func renewed(_ commonName: String) throws -> CertificateAuthority.Pair {
        try certificates.authority.issue(certificates.order(.server, commonName: commonName))
    }
}

@Test func rewrittenFilesAreTaken() throws {
    let fixture = try Fixture()
    let before = ObjectIdentifier(fixture.tls.context)
    fixture.look(3)
    #expect(fixture.tls.generation == 0)
    let pair = try fixture.renewed("second")
    try fixture.certificates.folder.write(pair.certificate, to: "server.crt")
    try fixture.certificates.folder.write(pair.key, to: "server.key")
    fixture.look()
    #expect(fixture.tls.generation == 1)
    #expect(fixture.subjects == ["CN=second,O=Gatehouse"])
    #expect(ObjectIdentifier(fixture.tls.context) != before)
    fixture.look(3)
    #expect(fixture.tls.generation == 1)
}

@Test func replacedFilesAreTaken() throws {
    let fixture = try Fixture()
    let pair = try fixture.renewed("second")
    let new = (
        try fixture.certificates.folder.write(pair.certificate, to: "new.crt"),
        try fixture.certificates.folder.write(pair.key, to: "new.key")
    )
    rename(new.0, fixture.files.certificate)
    rename(new.1, fixture.files.key)
    fixture.look()
    #expect(fixture.subjects == ["CN=second,O=Gatehouse"])
}

@Test func aSwappedLinkIsFollowed() throws {
    let fixture = try Fixture(links: true)
    let root = fixture.certificates.folder.path
    let pair = try fixture.renewed("second")
    mkdir("\(root)/v2", 0o755)
    try fixture.certificates.folder.write(pair.certificate, to: "v2/tls.crt")
    try fixture.certificates.folder.write(pair.key, to: "v2/tls.key")
    symlink("v2", "\(root)/data.new")
    rename("\(root)/data.new", "\(root)/data")
    fixture.look()
    #expect(fixture.subjects == ["CN=second,O=Gatehouse"])
}

@Test func trustRootsAreTaken() throws {
    let fixture = try Fixture(.require)
    #expect(fixture.subjects.last == "CN=Test CA,O=Gatehouse")
    try fixture.certificates.folder.write(try fixture.certificates.stranger.pair.certificate, to: "ca.crt")
    fixture.look()
    #expect(fixture.subjects.last == "CN=Stranger CA,O=Gatehouse")
}

@Test func aPairThatIsReplacedOneByOneIsTakenTogether() throws {
    let fixture = try Fixture()
    let pair = try fixture.renewed("second")
    try fixture.certificates.folder.write(pair.certificate, to: "server.crt")
    fixture.look(1)
    try fixture.certificates.folder.write(pair.key, to: "server.key")
    fixture.look(1)
    #expect(fixture.tls.generation == 0)
    fixture.look(1)
    #expect(fixture.tls.generation == 1)
    #expect(!fixture.log.contains("refused"))
}

@Test func brokenFilesAreRefusedOnceAndTheFormerStay() throws {
    let fixture = try Fixture()
    let before = ObjectIdentifier(fixture.tls.context)
    try fixture.certificates.folder.write("nonsense", to: "server.crt")
    fixture.look(6)
    #expect(fixture.tls.generation == 0)
    #expect(ObjectIdentifier(fixture.tls.context) == before)
    #expect(fixture.log.text.count { $0.contains("Changed TLS files are refused") } == 1)
    #expect(fixture.log.contains("has no certificate"))

    let expired = try fixture.certificates.authority.issue(
        fixture.certificates.order(.server), now: TestCertificates.daysAgo(200))
    try fixture.certificates.folder.write(expired.certificate, to: "server.crt")
    try fixture.certificates.folder.write(expired.key, to: "server.key")
    fixture.look()
    #expect(fixture.tls.generation == 0)
    #expect(fixture.log.contains("expired on"))

    let pair = try fixture.renewed("third")
    try fixture.certificates.folder.write(pair.certificate, to: "server.crt")
    try fixture.certificates.folder.write(pair.key, to: "server.key")
    fixture.look()
    #expect(fixture.subjects == ["CN=third,O=Gatehouse"])
}

@Test func filesThatVanishLeaveTheFormerInUse() throws {
    let fixture = try Fixture()
    unlink(fixture.files.key)
    fixture.look(3)
    #expect(fixture.tls.generation == 0)
    #expect(fixture.log.contains("cannot be read: No such file"))
}

@Test func expiryIsToldOnceADayAndWhenItHasCome() throws {
    let fixture = try Fixture()
    let day = 86_400
    let end = try #require(fixture.tls.certificates.first).notAfter.seconds
    func look(daysBefore days: Int) {
        fixture.tls.look(fixture.log.logger, now: CertificateTime(seconds: end - days * day))
    }
    look(daysBefore: 31)
    #expect(!fixture.log.contains("expires soon"))
    look(daysBefore: 29)
    look(daysBefore: 29)
    #expect(fixture.log.text.count { $0.contains("expires soon") } == 1)
    look(daysBefore: 28)
    #expect(fixture.log.text.count { $0.contains("expires soon") } == 2)
    look(daysBefore: -1)
    #expect(fixture.log.contains("error: A certificate has expired"))
}

@Test(.enabled(if: Program.openssl != nil))
func anEncryptedKeyIsReloaded() throws {
    let openssl = Program.openssl ?? ""
    let certificates = try TestCertificates()
    func write(_ commonName: String) throws -> ServerTLSSettings {
        let plain = try certificates.issue(
            .server, name: "plain", order: certificates.order(.server, commonName: commonName))
        let encrypted = certificates.folder.path + "/encrypted.key"
        let arguments = ["pkcs8", "-topk8", "-in", plain.key, "-out", encrypted, "-passout", "pass:secret"]
        #expect(try Program.run(openssl, arguments) == 0)
        var settings = certificates.serverSettings((plain.certificate, encrypted))
        settings.keyFilePassword = "secret"
        return settings
    }
    let settings = try write("first")
    let log = LogLines()
    let loader = TLSContextLoader(place: "tls", application: .http2)
    let tls = try ReloadableTLS(
        place: "tls", paths: [settings.certificateFile, settings.keyFile], logger: log.logger
    ) { () throws(TLSSettingsError) in try loader.load(settings) }
    _ = try write("second")
    tls.look(log.logger)
    tls.look(log.logger)
    #expect(tls.certificates.map(\.subject) == ["CN=second,O=Gatehouse"])
}

@Test func theSystemsAuthoritiesAreReadAgainWhenTheyChange() async throws {
    let certificates = try TestCertificates()
    let log = LogLines()
    let roots = try certificates.folder.write("first", to: "roots.crt")
    let store = TLSStore(logger: log.logger, pollInterval: .milliseconds(5), systemAuthorities: [roots])
    let trusting = try store.client(ClientTLSSettings(), for: .http1, place: "a")
    let other = try store.client(certificates.clientSettings(), for: .http1, place: "b")
    let running = Task { await store.run() }
    try certificates.folder.write("second", to: "roots.crt")
    try await eventually("they are read") { trusting.generation == 1 }
    #expect(other.generation == 0)
    running.cancel()
    await running.value
}
