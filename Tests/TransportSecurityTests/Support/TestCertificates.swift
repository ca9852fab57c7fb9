// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import PluginFramework
import Synchronization

@testable import TransportSecurity

/// A folder for one test, removed with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/gh-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("no temporary folder: \(errno)") }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        Self.remove(path)
    }

    private static func remove(_ path: String) {
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        guard information.st_mode & S_IFMT == S_IFDIR, let folder = opendir(path) else {
            unlink(path)
            return
        }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { remove("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }

    /// Writes a file over what was there.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        guard let handle = fopen(file, "w") else { throw TestFailure("cannot write \(file)") }
        defer { fclose(handle) }
        let bytes = Array(text.utf8)
        guard fwrite(bytes, 1, bytes.count, handle) == bytes.count else { throw TestFailure("cannot write \(file)") }
        return file
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// An authority, another one that nobody trusts, and certificates of both, made for one test.
final class TestCertificates: Sendable {
    let folder: TemporaryFolder
    let authority: CertificateAuthority
    let stranger: CertificateAuthority
    /// The authority's certificate.
    let bundle: String

    init() throws {
        folder = try TemporaryFolder()
        // Old enough to have issued what has expired by now.
        authority = try CertificateAuthority.make(commonName: "Test CA", days: 900, now: Self.daysAgo(400))
        stranger = try CertificateAuthority.make(commonName: "Stranger CA", days: 900, now: Self.daysAgo(400))
        bundle = try folder.write(try authority.pair.certificate, to: "ca.crt")
    }

    static func daysAgo(_ days: Int) -> CertificateTime {
        CertificateTime(seconds: CertificateTime.now.seconds - days * 86_400)
    }

    /// What is special about a certificate.
    enum Flaw: Sendable, CaseIterable {
        case none, expired, stranger, wrongName
    }

    func order(
        _ side: TLSSide, names: [CertificateName]? = nil, commonName: String? = nil, days: Int = 90
    ) -> CertificateOrder {
        var order = CertificateOrder(commonName: commonName ?? side.rawValue, days: days)
        order.isForServers = side == .server
        order.isForClients = side == .client
        order.names =
            names
            ?? (side == .server
                ? [.dns("localhost"), .address("127.0.0.1")]
                : [.dns("gateway.test"), .uri("spiffe://test/gateway/a")])
        return order
    }

    /// Writes a certificate and its key; the names of the two files.
    func issue(
        _ side: TLSSide, _ flaw: Flaw = .none, name: String? = nil, order: CertificateOrder? = nil
    ) throws -> (certificate: String, key: String) {
        var order = order ?? self.order(side)
        if flaw == .wrongName { order.names = [.dns("elsewhere.test")] }
        let issuer = flaw == .stranger ? stranger : authority
        let pair = try issuer.issue(order, now: flaw == .expired ? Self.daysAgo(200) : .now)
        let name = name ?? "\(side)-\(flaw)"
        return (
            try folder.write(pair.certificate, to: "\(name).crt"), try folder.write(pair.key, to: "\(name).key")
        )
    }

    func serverSettings(
        _ files: (certificate: String, key: String), _ authentication: ServerTLSSettings.ClientAuthentication = .none
    ) -> ServerTLSSettings {
        var settings = ServerTLSSettings(certificateFile: files.certificate, keyFile: files.key)
        settings.clientAuthentication = authentication
        if authentication != .none { settings.caBundle = bundle }
        return settings
    }

    func clientSettings(_ files: (certificate: String, key: String)? = nil, verify: Bool = true) -> ClientTLSSettings {
        var settings = ClientTLSSettings()
        settings.caBundle = bundle
        settings.verify = verify
        settings.certificateFile = files?.certificate
        settings.keyFile = files?.key
        return settings
    }
}

/// Keeps what is logged, metadata included.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var text: [String] { lines.withLock { $0 } }

    func contains(_ text: String) -> Bool { self.text.contains { $0.contains(text) } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(lines: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            lines.lines.withLock { $0.append("\(event.level): \(event.message) \(metadata.joined(separator: " "))") }
        }
    }
}

/// Waits for something that must come to pass; liveness only, so the limit is generous.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < limit else { throw TestFailure("never happened: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// A program of the system, run to its end.
enum Program {
    /// Where openssl is; nil when it is not installed.
    static let openssl: String? = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first { (path: String) in
        access(path, X_OK) == 0
    }

    /// - Returns: The exit status.
    static func run(_ path: String, _ arguments: [String]) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: CInt in [0, 1, 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        guard posix_spawn(&child, path, &actions, nil, &words, environ) == 0 else {
            throw TestFailure("cannot run \(path)")
        }
        var status: CInt = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status >> 8 & 0xFF
    }
}
