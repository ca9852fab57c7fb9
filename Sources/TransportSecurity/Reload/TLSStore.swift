// SPDX-License-Identifier: Apache-2.0

package import Logging
import NIOPosix
package import PluginFramework
import ServiceLifecycle
import Synchronization

/// All TLS of a process: makes what listeners and diallers are secured with, and keeps it in step with its files while it runs.
package final class TLSStore: Service {
    private struct Entry {
        weak var tls: ReloadableTLS?
    }

    private let entries = Mutex<[Entry]>([])
    private let pollInterval: Duration
    private let systemAuthorities: [String]
    private let logger: Logger

    /// Makes a store.
    ///
    /// - Parameters:
    ///   - pollInterval: How often files are looked at; what has changed is used after the second look that finds it.
    ///   - systemAuthorities: The files whose change means that the system trusts others now: those that NIOSSL reads on Linux.
    package init(
        logger: Logger, pollInterval: Duration = .seconds(1),
        systemAuthorities: [String] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
    ) {
        self.logger = logger
        self.pollInterval = pollInterval
        self.systemAuthorities = systemAuthorities
    }

    /// What a listener is secured with.
    ///
    /// - Parameter place: The settings' place in the configuration, for errors and logs: `grpc_server_settings.tls`.
    /// - Throws: What is wrong with the settings or with their files.
    package func server(
        _ settings: ServerTLSSettings, for application: TLSApplication, place: String
    ) throws(TLSSettingsError) -> TLSServer {
        let allowed = try ClientAllowList(settings)
        let loader = TLSContextLoader(place: place, application: application)
        let paths = [settings.certificateFile, settings.keyFile, settings.caBundle].compactMap { $0 }
        let tls = try ReloadableTLS(place: place, paths: paths, logger: logger) { () throws(TLSSettingsError) in
            try loader.load(settings)
        }
        watch(tls)
        return TLSServer(
            tls: tls, authentication: settings.clientAuthentication, allowed: allowed, logger: logger)
    }

    /// What the connections of a dialler are secured with.
    ///
    /// - Parameter place: The settings' place in the configuration, for errors and logs: `plugins.NAME.grpc.tls`.
    /// - Throws: What is wrong with the settings or with their files.
    package func client(
        _ settings: ClientTLSSettings, for application: TLSApplication, place: String
    ) throws(TLSSettingsError) -> TLSClient {
        if let name = settings.serverName, !TLSClient.isHostName(name) {
            throw TLSSettingsError(
                key: "server_name",
                "\"\(name)\" is no host name; give the name that the server's certificate has (no address)")
        }
        let loader = TLSContextLoader(place: place, application: application)
        var paths = [settings.certificateFile, settings.keyFile, settings.caBundle].compactMap { $0 }
        if settings.verify, settings.caBundle == nil { paths += systemAuthorities }
        let tls = try ReloadableTLS(place: place, paths: paths, logger: logger) { () throws(TLSSettingsError) in
            try loader.load(settings)
        }
        watch(tls)
        return TLSClient(tls: tls, settings: settings, application: application)
    }

    private func watch(_ tls: ReloadableTLS) {
        entries.withLock { entries in
            entries.removeAll { $0.tls == nil }
            entries.append(Entry(tls: tls))
        }
    }

    private var current: [ReloadableTLS] { entries.withLock { $0.compactMap(\.tls) } }

    /// The certificates in use, and when they expire: for metrics and administration.
    package var certificates: [CertificateExpiry] { current.flatMap(\.certificates) }

    /// Keeps what was made in step with its files, until cancellation or graceful shutdown.
    package func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.pollInterval)) != nil {
                let current = self.current
                guard !current.isEmpty else { continue }
                // A file system that does not answer must not hold a thread of Swift's.
                try? await NIOThreadPool.singleton.runIfActive {
                    for tls in current { tls.look(self.logger) }
                }
            }
        }
    }
}
