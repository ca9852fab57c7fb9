// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOSSL
import Synchronization

/// The context of one listener or dialler, made again when its files change.
///
/// A change counts once the files have been the same at two looks in a row, so that a certificate and its key, which are replaced
/// one after the other, are taken together. What cannot be used is refused, and the former context stays. Connections keep
/// the context that they were made with.
final class ReloadableTLS: Sendable {
    private struct State {
        var loaded: LoadedTLS
        /// The files that `loaded` was made of.
        var used: [FileFingerprint]
        /// Changed files that were seen at the last look for the first time.
        var seen: [FileFingerprint]?
        /// Changed files that could not be used, why, and when that was last tried.
        var refused: (files: [FileFingerprint], reason: String, at: ContinuousClock.Instant)?
        var generation = 0
        /// For each certificate's file and subject, how many days it had when that was last told.
        var told: [String: Int] = [:]
    }

    /// What was refused may become good without a change: a certificate becomes valid, a clock is set.
    private static let retryInterval = Duration.seconds(30)
    /// From how many days before it expires a certificate is warned of.
    static let warningDays = 30

    let place: String
    private let paths: [String]
    private let load: @Sendable () throws(TLSSettingsError) -> LoadedTLS
    private let state: Mutex<State>

    /// Loads the files for the first time.
    init(
        place: String, paths: [String], logger: Logger,
        load: @escaping @Sendable () throws(TLSSettingsError) -> LoadedTLS
    ) throws(TLSSettingsError) {
        self.place = place
        self.paths = paths
        self.load = load
        // First the look, then the load: what changes in between is found by the next look.
        let files = paths.map(FileFingerprint.init(of:))
        let loaded = try load()
        state = Mutex(State(loaded: loaded, used: files))
        for warning in loaded.warnings { logger.warning("\(place): \(warning)") }
        tellExpiry(logger, now: .now)
    }

    /// What new connections are made with.
    var context: NIOSSLContext { state.withLock { $0.loaded.context } }

    /// The certificates in use.
    var certificates: [CertificateExpiry] { state.withLock { $0.loaded.certificates } }

    /// How often the files were taken anew.
    var generation: Int { state.withLock { $0.generation } }

    /// Looks at the files, and takes them when they have changed; blocks for as long as reading them takes.
    func look(_ logger: Logger, now: CertificateTime = .now) {
        let files = paths.map(FileFingerprint.init(of:))
        let isDue = state.withLock { state in
            guard files != state.used else {
                state.seen = nil
                state.refused = nil
                return false
            }
            defer { state.seen = files }
            guard state.seen == files else { return false }
            guard let refused = state.refused, refused.files == files else { return true }
            return refused.at + Self.retryInterval <= .now
        }
        if isDue { reload(files, logger) }
        tellExpiry(logger, now: now)
    }

    private func reload(_ files: [FileFingerprint], _ logger: Logger) {
        let loaded: LoadedTLS
        do {
            loaded = try load()
        } catch {
            let reason = "\(error.message)"
            let isNew = state.withLock { state in
                defer { state.refused = (files, reason, .now) }
                return state.refused?.reason != reason || state.refused?.files != files
            }
            if isNew {
                logger.error(
                    "Changed TLS files are refused, the former certificates stay in use",
                    metadata: ["place": "\(place).\(error.key)", "error": "\(reason)"])
            }
            return
        }
        let generation = state.withLock { state in
            state.loaded = loaded
            state.used = files
            state.seen = nil
            state.refused = nil
            state.told = [:]
            state.generation += 1
            return state.generation
        }
        for warning in loaded.warnings { logger.warning("\(place): \(warning)") }
        var metadata: Logger.Metadata = ["place": "\(place)", "generation": "\(generation)"]
        if let own = loaded.certificates.first {
            metadata["subject"] = "\(own.subject)"
            metadata["expires"] = "\(own.notAfter)"
        }
        logger.info("TLS files changed: new connections use the new certificates", metadata: metadata)
    }

    /// Warns of certificates that expire soon, each once a day.
    private func tellExpiry(_ logger: Logger, now: CertificateTime) {
        let due = state.withLock { state in
            state.loaded.certificates.filter { certificate in
                let days = certificate.daysLeft(now: now)
                let name = "\(certificate.file)\n\(certificate.subject)"
                guard days < Self.warningDays, state.told[name] != days else { return false }
                state.told[name] = days
                return true
            }
        }
        for certificate in due {
            let days = certificate.daysLeft(now: now)
            let metadata: Logger.Metadata = [
                "place": "\(certificate.place)", "file": "\(certificate.file)", "subject": "\(certificate.subject)",
                "expires": "\(certificate.notAfter)", "days": "\(days)",
            ]
            if days < 0 {
                logger.error("A certificate has expired: connections fail until it is renewed", metadata: metadata)
            } else {
                logger.warning("A certificate expires soon: renew it", metadata: metadata)
            }
        }
    }
}
