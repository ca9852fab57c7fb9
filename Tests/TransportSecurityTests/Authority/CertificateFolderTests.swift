// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import TransportSecurity

@Suite struct CertificateFolderTests {
    let temporary: TemporaryFolder
    let folder: CertificateFolder

    init() throws {
        temporary = try TemporaryFolder()
        folder = CertificateFolder(temporary.path + "/certs/mcp")
    }

    private func mode(_ path: String) -> mode_t {
        var information = stat()
        return stat(path, &information) == 0 ? information.st_mode & 0o777 : 0
    }

    private func makeAll(_ options: CertificateFolder.Options = .init()) throws {
        _ = try folder.make(.gateway, options)
        _ = try folder.make(.plugin("Filter"), options)
    }

    @Test func filesLieWhereContextForgePutsThem() throws {
        try makeAll()
        for path in ["ca/ca.key", "gateway/client.key", "plugins/Filter/server.key"] {
            #expect(mode("\(folder.path)/\(path)") == 0o600, "\(path)")
        }
        let certificates = [
            "ca/ca.crt", "gateway/client.crt", "gateway/ca.crt", "plugins/Filter/server.crt", "plugins/Filter/ca.crt",
        ]
        for path in certificates { #expect(mode("\(folder.path)/\(path)") == 0o644, "\(path)") }
        #expect(
            try CertificateWriter.read("\(folder.path)/ca/ca.crt")
                == CertificateWriter.read("\(folder.path)/plugins/Filter/ca.crt"))
    }

    @Test func certificatesHaveTheNamesAndTheTimeTheyShould() throws {
        var options = CertificateFolder.Options()
        options.names = [
            try CertificateName("plugins.example.com"), try CertificateName("10.0.0.7"), .dns("localhost"),
        ]
        _ = try folder.make(.plugin("Filter"), options)
        let finding = try #require(try folder.check().last)
        #expect(
            finding.names == [
                "Filter", "mcp-plugin-Filter", "localhost", "plugins.example.com", "127.0.0.1", "::1", "10.0.0.7",
            ])
        #expect(finding.problems == [])
        #expect(finding.daysLeft().map { (823...825).contains($0) } == true)
    }

    @Test func whatIsThereIsNotWrittenOver() throws {
        try makeAll()
        let file = "\(folder.path)/plugins/Filter/server.crt"
        let before = try CertificateWriter.read(file)
        #expect(try folder.make(.plugin("Filter"), .init()) == [.init(file: file, isMade: false)])
        #expect(try CertificateWriter.read(file) == before)
        #expect(try folder.makeAuthority(.init()).isMade == false)

        var options = CertificateFolder.Options()
        options.replaces = true
        #expect(try folder.make(.plugin("Filter"), options) == [.init(file: file, isMade: true)])
        #expect(try CertificateWriter.read(file) != before)
        #expect(try folder.check().allSatisfy { $0.problems.isEmpty })
        let copies = try names(in: "\(folder.path)/plugins/Filter").filter { $0.hasSuffix(".bak") }
        #expect(copies.count == 2)
        let copy = try #require(copies.first { $0.hasPrefix("server.crt.") })
        #expect(try CertificateWriter.read("\(folder.path)/plugins/Filter/\(copy)") == before)
        let key = try #require(copies.first { $0.hasPrefix("server.key.") })
        #expect(mode("\(folder.path)/plugins/Filter/\(key)") == 0o600)
    }

    @Test func halfAPairIsAnError() throws {
        try makeAll()
        unlink("\(folder.path)/gateway/client.key")
        let error = #expect(throws: CertificateError.self) { try folder.make(.gateway, .init()) }
        #expect(error?.message.contains("client.key\" is missing beside") == true)
    }

    @Test(arguments: ["", "../x", "a/b", ".hidden", "two words", "-dash", "dot.ted", String(repeating: "a", count: 53)])
    func aNameThatIsNoneIsRefused(_ name: String) throws {
        #expect(throws: CertificateError.self) { try folder.make(.plugin(name), .init()) }
        #expect(!CertificateWriter.exists(folder.path))
    }

    @Test func checkSeesWhatIsWrong() throws {
        try makeAll()
        chmod("\(folder.path)/gateway/client.key", 0o644)
        let other = CertificateFolder(temporary.path + "/other")
        _ = try other.make(.plugin("Filter"), .init())
        rename("\(other.path)/plugins/Filter/server.key", "\(folder.path)/plugins/Filter/server.key")
        var problems = try folder.check().map(\.problems)
        #expect(problems[0] == [])
        #expect(problems[1].count == 1 && problems[1][0].contains("others may read its key"))
        #expect(problems[2].count == 1 && problems[2][0].contains("its key is another certificate's"))
        rename("\(other.path)/plugins/Filter/server.crt", "\(folder.path)/plugins/Filter/server.crt")
        problems = try folder.check().map(\.problems)
        #expect(problems[2].count == 1 && problems[2][0].contains("not issued by the authority"))
        let later = CertificateTime(seconds: CertificateTime.now.seconds + 900 * 86_400)
        #expect(try folder.check(now: later)[0].problems.contains { $0.contains("expired") })
    }

    @Test func whatExpiresSoonIsRenewedWithItsNames() throws {
        var options = CertificateFolder.Options()
        options.names = [.uri("spiffe://test/filter")]
        _ = try folder.makeAuthority(options)
        options.days = 20
        options.key = .rsa(bits: 2_048)
        _ = try folder.make(.plugin("Filter"), options)
        options.days = 200
        options.key = .p256
        _ = try folder.make(.plugin("Other"), options)

        let before = try folder.check()
        #expect(try folder.renew(days: 400, within: 30).map(\.isMade) == [false, true, false])
        let after = try folder.check()
        #expect(after.allSatisfy { $0.problems.isEmpty })
        #expect(after[1].names == before[1].names)
        #expect(after[1].daysLeft().map { $0 > 390 } == true)
        #expect(after[2].notAfter == before[2].notAfter)
    }

    @Test func aRenewedAuthorityKeepsWhatItIssued() throws {
        var options = CertificateFolder.Options()
        options.days = 20
        try makeAll(options)
        let old = try CertificateWriter.read("\(folder.path)/ca/ca.crt")
        // The leaves have as many days as the authority; only it is due.
        #expect(try folder.renew(days: 400, within: 30).allSatisfy(\.isMade))
        let findings = try folder.check()
        #expect(findings.allSatisfy { $0.problems.isEmpty && ($0.daysLeft() ?? 0) > 390 })
        #expect(try CertificateWriter.read("\(folder.path)/gateway/ca.crt") != old)
    }

    @Test(.enabled(if: Program.openssl != nil), arguments: [CertificateKeyKind.p256, .rsa(bits: 2_048)])
    func opensslAcceptsTheChain(_ kind: CertificateKeyKind) throws {
        let openssl = Program.openssl ?? ""
        var options = CertificateFolder.Options()
        options.key = kind
        try makeAll(options)
        let authority = "\(folder.path)/ca/ca.crt"
        func verify(_ purpose: String, _ more: [String], _ file: String) throws -> Int32 {
            let arguments = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", authority] + more
            return try Program.run(openssl, arguments + ["\(folder.path)/\(file)"])
        }
        #expect(try verify("sslclient", [], "gateway/client.crt") == 0)
        #expect(try verify("sslserver", ["-verify_hostname", "localhost"], "plugins/Filter/server.crt") == 0)
        #expect(try verify("sslserver", ["-verify_ip", "127.0.0.1"], "plugins/Filter/server.crt") == 0)
        #expect(try verify("sslserver", [], "gateway/client.crt") != 0)
        #expect(try verify("sslserver", ["-verify_hostname", "elsewhere"], "plugins/Filter/server.crt") != 0)
    }

    private func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw TestFailure("no folder \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }
}

@Test(arguments: [
    ("plugins.example.com", CertificateName.dns("plugins.example.com")), ("*.example.com", .dns("*.example.com")),
    ("10.0.0.1", .address("10.0.0.1")), ("::1", .address("::1")), ("spiffe://test/a", .uri("spiffe://test/a")),
    ("dns:10-0-0-1", .dns("10-0-0-1")), ("ip:10.0.0.1", .address("10.0.0.1")), ("uri:urn:x", .uri("urn:x")),
])
func namesAreRead(_ text: String, _ name: CertificateName) throws {
    #expect(try CertificateName(text) == name)
}

@Test(arguments: ["", "a b", "ip:example.com", "a..b", "*", "uri:x", "https://a b"])
func whatIsNoNameIsRefused(_ text: String) {
    #expect(throws: CertificateError.self) { try CertificateName(text) }
}
